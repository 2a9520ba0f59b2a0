package server_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// allocated returns how many bytes f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// TestARequestOfAStrangerCostsAFewTimesItsSize counts bytes rather than time, since a count is the same on every
// machine.
func TestARequestOfAStrangerCostsAFewTimesItsSize(t *testing.T) {
	l := newLab(t, nil)
	l.adjust = server.Options.WithCopiesOfOneWrappingKey // Otherwise, wrapping keys are generated in the background.
	l.restart()
	const size = 250_000
	var fields, names, headers strings.Builder
	for i := 0; fields.Len() < size; i++ {
		fmt.Fprintf(&fields, ",%d=1", i)
		fmt.Fprintf(&names, ";x-%d", i)
		fmt.Fprintf(&headers, ";%d=1", i)
	}
	authorized := func(header string) http.Header {
		h := l.acs3("ListKeys", nil, "")
		h.Set("Authorization", header)
		h.Set("X-Aa", strings.Repeat("a", size))
		return h
	}
	const form = "application/x-www-form-urlencoded"
	signed := l.acs3("ListKeys", nil, "").Get("Authorization")
	acs3 := "ACS3-HMAC-SHA256 Credential=" + l.caller.AccessKeyID
	for name, tc := range map[string]struct {
		header      http.Header
		query, body string
	}{
		"parameters":              {nil, "", strings.Repeat("a=&", size/3)},
		"parameters in the query": {nil, strings.Repeat("a=&", size/3), ""},
		"names of nothing":        {nil, "", strings.Repeat("&", size)},
		"a name that is repeated": {nil, "", strings.Repeat("n", size/2) + "=&" + strings.Repeat("n", size/2) + "="},
		"a name with a bad value": {nil, "", strings.Repeat("n", size) + "=%"},
		"one value":               {nil, "", l.signed("ListKeys").Form() + "&A=" + strings.Repeat("*", size)},
		"types of contents":       {http.Header{"Content-Type": {form + headers.String()}}, "", "a=b"},
		"fields of authorization": {authorized(acs3 + fields.String()), "", ""},
		"names of signed headers": {authorized(acs3 + ",Signature=00,SignedHeaders=host" + names.String()), "", ""},
		"spellings of one header": {authorized(acs3 + ",Signature=00,SignedHeaders=x-aa;X-aa;x-Aa;X-AA"), "", ""},
		"an access key id":        {authorized("ACS3-HMAC-SHA256 Credential=" + strings.Repeat("L", size)), "", ""},
		"an operation":            {nil, "", l.signed(strings.Repeat("A", size)).Form()},
		"a good access key id":    {nil, "", with(l.signed(strings.Repeat("&", size/4)), "Signature", "00").Form()},
		"a long header that is signed": {
			authorized(strings.Replace(signed, "SignedHeaders=", "SignedHeaders=x-aa;", 1)),
			"", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			var got answer
			spent := allocated(func() { got = l.send(request(http.MethodPost, "/", tc.query, tc.header), tc.body) })
			require.GreaterOrEqual(t, got.status, http.StatusBadRequest)
			require.Less(t, len(got.body), 32<<10, "the answer is short")
			require.Less(t, spent, 20*size)
		})
	}
}

func TestMoreParametersThanAnyOperationHasAreRefused(t *testing.T) {
	l := newLab(t, nil)
	filled := func(n int) string {
		form := l.signed("ListKeys").Form()
		for i := strings.Count(form, "&") + 1; i < n; i++ {
			form += fmt.Sprintf("&p%d=", i)
		}
		return form
	}
	l.post(filled(128)).refused(t, kmsapi.ErrIncompleteSignature)
	l.post(filled(129)).refused(t, kmsapi.ErrParseRequestParameter)
	form := filled(100)
	l.send(request(http.MethodPost, "/", strings.Repeat("&", 28), nil), form).refused(t, kmsapi.ErrIncompleteSignature)
	l.send(request(http.MethodPost, "/", strings.Repeat("&", 29), nil), form).refused(t, kmsapi.ErrParseRequestParameter)
}

func TestAnAnswerBeforeAuthenticationEndsItsConnection(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	replayed := l.signed("ListKeys").Form()
	l.post(replayed)
	for name, got := range map[string]answer{
		"no request":           l.send(request(http.MethodGet, "/", "", nil), ""),
		"another path":         l.send(request(http.MethodGet, "/healthz", "", nil), ""),
		"another method":       l.send(request(http.MethodPut, "/", "", nil), ""),
		"an unknown key":       l.post(with(l.signed("ListKeys"), "AccessKeyId", "LTAInone").Form()),
		"a wrong signature":    l.post(with(l.signed("ListKeys"), "Signature", "00").Form()),
		"a nonce used before":  l.post(replayed),
		"too many parameters":  l.post(strings.Repeat("&a", 200)),
		"two of one parameter": l.post(l.signed("ListKeys").Form() + "&Action=ListKeys"),
	} {
		require.Equal(t, "close", got.header.Get("Connection"), name)
	}
	for name, got := range map[string]answer{
		"success":                l.do("ListKeys"),
		"no such key":            l.do("DescribeKey", "KeyId", "none"),
		"a missing parameter":    l.do("DescribeKey"),
		"no such operation":      l.do("Nonsense"),
		"of a dedicated gateway": l.sendTo("kst-dev", l.signed("DescribeKey", "KeyId", id).Form()),
	} {
		require.Empty(t, got.header.Get("Connection"), name)
	}
}

func TestWhatStrangersWriteIsBounded(t *testing.T) {
	l := newLab(t, nil)
	const requests = 1000
	for range requests {
		l.post(with(l.signed(strings.Repeat("A", 1000)), "AccessKeyId", strings.Repeat("L", 1000)).Form())
	}
	l.must("ListKeys")
	l.close()
	written, summed := 0, 0
	for _, line := range l.auditLines() {
		require.Less(t, len(fmt.Sprint(line)), 600)
		if n, isSum := line["omitted"].(float64); isSum {
			summed += int(n)
		} else {
			written++
		}
	}
	require.Less(t, written, requests/2)
	require.Equal(t, requests+1, written+summed, "each request is in a line or in a sum, and ListKeys is in a line")
	l.open()
}
