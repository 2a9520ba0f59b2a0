package server_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// without returns p without the parameter called name.
func without(p kmsapi.Params, name string) kmsapi.Params {
	var left kmsapi.Params
	for _, x := range p {
		if x.Name != name {
			left = append(left, x)
		}
	}
	return left
}

// with returns p with another value for name.
func with(p kmsapi.Params, name, value string) kmsapi.Params {
	return without(p, name).Add(name, value)
}

func TestRequestsThatAreNotWhollySignedAreRefused(t *testing.T) {
	w := newWire(t)
	good := func() kmsapi.Params { return w.signed(http.MethodPost, "CreateKey", "Description", "d") }
	for name, tc := range map[string]struct {
		params kmsapi.Params
		want   *kmsapi.Error
	}{
		"no Action":            {without(good(), "Action"), kmsapi.ErrMissingParameter},
		"no Version":           {without(good(), "Version"), kmsapi.ErrMissingParameter},
		"no AccessKeyId":       {without(good(), "AccessKeyId"), kmsapi.ErrMissingParameter},
		"no Signature":         {without(good(), "Signature"), kmsapi.ErrMissingParameter},
		"no SignatureMethod":   {without(good(), "SignatureMethod"), kmsapi.ErrMissingParameter},
		"no SignatureVersion":  {without(good(), "SignatureVersion"), kmsapi.ErrMissingParameter},
		"no Timestamp":         {without(good(), "Timestamp"), kmsapi.ErrIllegalTimestamp},
		"a Timestamp of words": {with(good(), "Timestamp", "yesterday"), kmsapi.ErrIllegalTimestamp},
		"a Timestamp with a fraction": {
			with(good(), "Timestamp", w.kms.Now().UTC().Format("2006-01-02T15:04:05.5Z")),
			kmsapi.ErrIllegalTimestamp,
		},
		"a local Timestamp":      {with(good(), "Timestamp", "2026-11-22T09:00:00+08:00"), kmsapi.ErrIllegalTimestamp},
		"another method":         {with(good(), "SignatureMethod", "HMAC-SHA256"), kmsapi.ErrInvalidParameter},
		"another version":        {with(good(), "SignatureVersion", "2.0"), kmsapi.ErrInvalidParameter},
		"an unknown access key":  {with(good(), "AccessKeyId", "LTAIother"), kmsapi.ErrAccessKeyNotFound},
		"a parameter changed":    {with(good(), "Description", "e"), kmsapi.ErrIncompleteSignature},
		"a parameter added":      {good().Add("Origin", "EXTERNAL"), kmsapi.ErrIncompleteSignature},
		"a parameter taken away": {without(good(), "Description"), kmsapi.ErrIncompleteSignature},
		"a parameter emptied":    {with(good(), "Description", ""), kmsapi.ErrIncompleteSignature},
		"another nonce":          {with(good(), "SignatureNonce", "n"), kmsapi.ErrIncompleteSignature},
		"signed for GET":         {w.signed(http.MethodGet, "CreateKey"), kmsapi.ErrIncompleteSignature},
		"a parameter twice":      {good().Add("Description", "d"), kmsapi.ErrParseRequestParameter},
	} {
		t.Run(name, func(t *testing.T) {
			w.post(tc.params).refused(t, tc.want)
		})
	}
	require.Zero(t, w.must("ListKeys").TotalCount, "none of them made a key")
}

func TestAnyChangedByteOfASignatureIsRefused(t *testing.T) {
	w := newWire(t)
	good := w.signed(http.MethodPost, "CreateKey")
	given := good.Get("Signature")
	for i := range given {
		changed := []byte(given)
		changed[i] ^= 1
		w.post(with(good, "Signature", string(changed))).refused(t, kmsapi.ErrIncompleteSignature)
	}
	require.Equal(t, http.StatusOK, w.post(good).status, "refused requests have not used up its nonce")
}

func TestAWrongSecretIsToldWithTheServersStringToSign(t *testing.T) {
	w := newWire(t)
	c := w.credentials()
	c.AccessKeySecret = kmsapi.NewSecret("not the secret")
	params := signature.SignV1(http.MethodPost, kmsapi.Params{{Name: "Action", Value: "ListKeys"}}, c, newNonce(),
		w.kms.Now())
	got := w.post(params)
	got.refused(t, kmsapi.ErrIncompleteSignature)
	_, sts, found := strings.Cut(got.Message, "server string to sign is:")
	require.True(t, found)
	require.Equal(t, signature.StringToSignV1(http.MethodPost, params), sts)
}

func TestALongStringToSignIsShownInPart(t *testing.T) {
	l := newLab(t, nil)
	got := l.post(l.signed("ListKeys").Form() + "&Long=" + strings.Repeat("*", 200_000))
	got.refused(t, kmsapi.ErrIncompleteSignature)
	require.Contains(t, got.Message, "server string to sign is:POST&%2F&AccessKeyId")
	require.Contains(t, got.Message, "(the first 3072 of ")
}

func TestAParameterInQueryAndBodyIsRefused(t *testing.T) {
	w := newWire(t)
	params := w.signed(http.MethodPost, "CreateKey", "Description", "d")
	w.send(http.MethodPost, "Description=d", params.Form(), nil).refused(t, kmsapi.ErrParseRequestParameter)
	w.send(http.MethodPost, "Description=e", params.Form(), nil).refused(t, kmsapi.ErrParseRequestParameter)
}

func TestTimestampsMustLieInTheWindow(t *testing.T) {
	w := newWire(t)
	w.kms.Advance(time.Hour) // The past of the window must not reach back to before the service's start.
	for _, tc := range []struct {
		name string
		off  time.Duration
		want *kmsapi.Error
	}{
		{"14 minutes behind is good", -14 * time.Minute, nil},
		{"14 minutes ahead is good", 14 * time.Minute, nil},
		{"16 minutes behind is refused", -16 * time.Minute, kmsapi.ErrIllegalTimestamp},
		{"16 minutes ahead is refused", 16 * time.Minute, kmsapi.ErrIllegalTimestamp},
		{"an hour off is refused", -time.Hour, kmsapi.ErrIllegalTimestamp},
	} {
		t.Run(tc.name, func(t *testing.T) {
			params := kmsapi.Params{{Name: "Action", Value: "ListKeys"}}
			got := w.post(signature.SignV1(http.MethodPost, params, w.credentials(), newNonce(), w.kms.Now().Add(tc.off)))
			if tc.want == nil {
				require.Equal(t, http.StatusOK, got.status, "%s", got.body)
				return
			}
			got.refused(t, tc.want)
			date, err := http.ParseTime(got.header.Get("Date"))
			require.NoError(t, err)
			require.WithinDuration(t, w.kms.Now(), date, time.Minute, "Date is the clock that timestamps are judged by")
		})
	}
}

func TestARequestIsAnsweredOnce(t *testing.T) {
	w := newWire(t)
	create := w.signed(http.MethodPost, "CreateKey")
	require.Equal(t, http.StatusOK, w.post(create).status)

	t.Run("not again at once", func(t *testing.T) {
		w.post(create).refused(t, kmsapi.ErrSignatureNonceUsed)
	})
	t.Run("not in another order of parameters", func(t *testing.T) {
		w.post(create.Sorted()).refused(t, kmsapi.ErrSignatureNonceUsed)
	})
	t.Run("not with the nonce on another request", func(t *testing.T) {
		other := kmsapi.Params{{Name: "Action", Value: "ListKeys"}}
		nonce := create.Get("SignatureNonce")
		w.post(signature.SignV1(http.MethodPost, other, w.credentials(), nonce, w.kms.Now())).
			refused(t, kmsapi.ErrSignatureNonceUsed)
	})
	require.Equal(t, 1, w.must("ListKeys").TotalCount)
}

func TestARequestIsNotAnsweredAgainAtTheEndOfItsTime(t *testing.T) {
	l := newLab(t, nil)
	create := l.signed("CreateKey").Form()
	require.Equal(t, http.StatusOK, l.post(create).status)
	l.now = l.now.Truncate(time.Second).Add(15 * time.Minute)
	l.post(create).refused(t, kmsapi.ErrSignatureNonceUsed)
	l.now = l.now.Add(time.Nanosecond)
	l.post(create).refused(t, kmsapi.ErrIllegalTimestamp)
	require.Equal(t, 1, l.must("ListKeys").TotalCount)
}

func TestARequestIsNotAnsweredAgainAfterARestart(t *testing.T) {
	w := newWire(t)
	send := func(off time.Duration) kmsapi.Params {
		params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}}
		signed := signature.SignV1(http.MethodPost, params, w.credentials(), newNonce(), w.kms.Now().Add(off))
		got := w.post(signed)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		return signed
	}
	accurate, ahead := send(0), send(10*time.Minute)
	w.kms.Advance(2 * time.Second)
	w.kms.Restart()
	require.Contains(t, []kmsapi.Code{kmsapi.ErrIllegalTimestamp.Code, kmsapi.ErrSignatureNonceUsed.Code},
		w.post(accurate).Code)
	w.post(ahead).refused(t, kmsapi.ErrSignatureNonceUsed)
	require.Equal(t, 2, w.must("ListKeys").TotalCount, "and honest requests go on")
}

func TestOfManyEqualRequestsOneIsAnswered(t *testing.T) {
	w := newWire(t)
	create := w.signed(http.MethodPost, "CreateKey")
	var good atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if w.post(create).status == http.StatusOK {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, good.Load())
	require.Equal(t, 1, w.must("ListKeys").TotalCount)
}

func TestRequestsWithoutANonceAreOneOfAKindByTheirSignature(t *testing.T) {
	w := newWire(t)
	params := without(w.signed(http.MethodPost, "CreateKey"), "SignatureNonce")
	params = with(params, "Signature",
		signature.V1(w.kms.AccessKeySecret, signature.StringToSignV1(http.MethodPost, params)))
	require.Equal(t, http.StatusOK, w.post(params).status)
	w.post(params).refused(t, kmsapi.ErrSignatureNonceUsed)
}

func TestWhatIsNotAKMSRequestIsRefused(t *testing.T) {
	w := newWire(t)
	signed := w.signed(http.MethodPost, "CreateKey").Form()
	for _, tc := range []struct {
		name, method, query, body string
		header                    http.Header
		want                      *kmsapi.Error
	}{
		{"PUT", http.MethodPut, "", signed, nil, kmsapi.ErrUnsupportedHTTPMethod},
		{"a bad escape", http.MethodGet, "Action=%zz", "", nil, kmsapi.ErrParseRequestParameter},
		{"a name that is not UTF-8", http.MethodGet, "%ff=1", "", nil, kmsapi.ErrParseRequestParameter},
		{
			"a JSON body", http.MethodPost, "", `{"Action":"CreateKey"}`,
			http.Header{"Content-Type": {"application/json"}},
			kmsapi.ErrParseRequestParameter,
		},
		{"nothing at all", http.MethodGet, "", "", nil, kmsapi.ErrMissingParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.send(tc.method, tc.query, tc.body, tc.header).refused(t, tc.want)
		})
	}
	t.Run("a body of 64 MiB", func(t *testing.T) {
		got := w.send(http.MethodPost, "", strings.Repeat("A", 64<<20), nil)
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status)
		require.Equal(t, kmsapi.ErrParseRequestParameter.Code, got.Code)
	})
	t.Run("headers of 1 MiB", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.kms.Endpoint+"/", nil)
		require.NoError(t, err)
		req.Header.Set("X-Long", strings.Repeat("A", 1<<20))
		resp, err := w.http.Do(req)
		if err == nil { // Otherwise, the connection was closed while the header was being sent.
			resp.Body.Close()
			require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
		}
	})
	t.Run("an unknown operation", func(t *testing.T) {
		got := w.do("DropAllKeys")
		require.Equal(t, http.StatusNotFound, got.status)
		require.EqualValues(t, "InvalidAction.NotFound", got.Code)
	})
	t.Run("another API version", func(t *testing.T) {
		params := without(w.signed(http.MethodPost, "CreateKey"), "Signature")
		params = with(params, "Version", "2014-05-26")
		params = params.Add("Signature",
			signature.V1(w.kms.AccessKeySecret, signature.StringToSignV1(http.MethodPost, params)))
		w.post(params).refused(t, kmsapi.ErrInvalidParameter)
	})
	t.Run("a security token that no one has issued", func(t *testing.T) {
		c := w.credentials()
		c.SecurityToken = kmsapi.NewSecret("made up")
		params := kmsapi.Params{{Name: "Action", Value: "ListKeys"}}
		w.post(signature.SignV1(http.MethodPost, params, c, newNonce(), w.kms.Now())).
			refused(t, kmsapi.ErrInvalidSecurityTokenValue)
	})
}

func TestLongQueriesOfRealSDKsFit(t *testing.T) {
	w := newWire(t)
	description := strings.Repeat("密", kmsapi.MaxDescription) // 73 KB when escaped
	query := w.signed(http.MethodPost, "CreateKey", "Description", description).Form()
	require.Greater(t, len(query), 70_000)
	got := w.send(http.MethodPost, query, "", nil)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, description, got.KeyMetadata.Description)
}
