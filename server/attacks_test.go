package server_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// The attacks that a KMS must expect, and the tests for each.
//
//	any changed byte of a signed request              attacks_test.go; of its parameters: authenticate_test.go
//	a replayed nonce                                  authenticate_test.go; spelled differently: attacks_test.go
//	a nonce used again after a restart                authenticate_test.go, faults_test.go; after kill -9: test/crash
//	a timestamp off by 16 minutes                     authenticate_test.go; spelled differently: attacks_test.go
//	the signature of another key's secret             attacks_access_test.go
//	another account's keys, another region's          attacks_access_test.go: every operation
//	what an access key may not use                    attacks_access_test.go: every operation
//	parameters in query and body                      authenticate_test.go
//	a ciphertext cut, extended, or with a bit flipped attacks_test.go; any other one: fuzz_test.go
//	contexts {"a":"bc"} and {"ab":"c"}                attacks_test.go
//	a token of another key or algorithm               import_attacks_test.go
//	PKCS#1 padding probes                             import_attacks_test.go
//	1 MiB of headers, 64 MiB of body                  authenticate_test.go
//	slow-loris                                        timeouts_test.go
//	a Description of 8,193, page sizes 0 and 102      keys_test.go; huge page numbers: attacks_input_test.go
//	an alias of 256 characters, an 11th tag           attacks_input_test.go
//	odd forms, nested JSON, compressed bodies         attacks_input_test.go
//	forged audit lines, X-Forwarded-For               attacks_input_test.go
//	smuggled headers, odd request lines and paths     smuggling_test.go
//	anything at all                                   fuzz_test.go

// oneBitFlipped calls try with every string that differs from text in one bit.
func oneBitFlipped(text string, try func(changed string, bit int)) {
	for bit := range 8 * len(text) {
		changed := []byte(text)
		changed[bit/8] ^= 1 << (bit % 8)
		try(string(changed), bit)
	}
}

func TestAFormWithAnyBitFlippedIsRefused(t *testing.T) {
	l := newLab(t, nil)
	good := l.signed("CreateKey", "Description", "a b+密")
	form := good.Form()
	same := 0
	oneBitFlipped(form, func(changed string, bit int) {
		if got, err := kmsapi.ParseForm(changed); err == nil && slices.Equal(got, good) {
			same++ // %2b is %2B.
			return
		}
		require.NotEqual(t, http.StatusOK, l.post(changed).status, "bit %d: %q", bit, changed)
	})
	require.Positive(t, same)
	require.Zero(t, l.must("ListKeys").TotalCount)
	require.Equal(t, http.StatusOK, l.post(form).status, "none of them has used up its nonce")
}

// acs3 returns the header of a request that l's caller signs with ACS3.
func (l *lab) acs3(action string, query kmsapi.Params, body string) http.Header {
	l.nonces++
	h := http.Header{}
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	h.Set("X-Acs-Action", action)
	h.Set("X-Acs-Content-Sha256", signature.HashPayload([]byte(body)))
	h.Set("X-Acs-Date", l.now.Format(kmsapi.TimeFormat))
	h.Set("X-Acs-Signature-Nonce", fmt.Sprintf("nonce-%d", l.nonces))
	h.Set("X-Acs-Version", kmsapi.Version)
	names := []string{
		"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version",
	}
	sts := signature.ACS3{
		Method: http.MethodPost, Path: "/", Query: query, SignedHeaders: names,
		PayloadHash: signature.HashPayload([]byte(body)),
		Header: func(name string) string {
			if name == "host" {
				return request("", "", "", nil).Host
			}
			return h.Get(name)
		},
	}.StringToSign()
	h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+l.caller.AccessKeyID+",SignedHeaders="+strings.Join(names, ";")+
		",Signature="+signature.SignACS3(l.caller.AccessKeySecret, sts))
	return h
}

func TestSignedHeadersNameWhatWasSentAsItIsSpelledInSignatures(t *testing.T) {
	l := newLab(t, nil)
	for name, more := range map[string]string{
		"an upper-case name":    "X-Aa",
		"many spellings of one": "x-aa;X-aa;x-Aa;X-AA",
		"a header not sent":     "x-bb",
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			header := l.acs3("ListKeys", nil, "")
			header.Set("X-Aa", "a")
			signed := header.Get("Authorization")
			header.Set("Authorization", strings.Replace(signed, "SignedHeaders=", "SignedHeaders="+more+";", 1))
			got := l.send(request(http.MethodPost, "/", "", header), "")
			got.refused(t, kmsapi.ErrIncompleteSignature)
			require.NotContains(t, got.Message, "string to sign", "it is not computed")
		})
	}
	l.t = t
	got := l.send(request(http.MethodPost, "/", "", l.acs3("ListKeys", nil, "")), "")
	require.Equal(t, http.StatusOK, got.status)
}

func TestAnACS3RequestWithAnyBitFlippedIsRefused(t *testing.T) {
	l := newLab(t, nil)
	query := kmsapi.Params{{Name: "ProtectionLevel", Value: "HSM"}}
	body := "Description=a+b"
	header := l.acs3("CreateKey", query, body)
	send := func(query, body string, header http.Header) int {
		return l.send(request(http.MethodPost, "/", query, header), body).status
	}
	for name := range header {
		if name == "Content-Type" {
			continue // It can't change the meaning of a request: a body that is not a form is refused.
		}
		oneBitFlipped(header.Get(name), func(changed string, bit int) {
			h := maps.Clone(header)
			h[name] = []string{changed}
			require.NotEqual(t, http.StatusOK, send(query.Form(), body, h), "bit %d of %s", bit, name)
		})
	}
	oneBitFlipped(query.Form(), func(changed string, _ int) {
		require.NotEqual(t, http.StatusOK, send(changed, body, header), "%q", changed)
	})
	oneBitFlipped(body, func(changed string, _ int) {
		require.NotEqual(t, http.StatusOK, send(query.Form(), changed, header), "%q", changed)
	})
	require.Equal(t, http.StatusOK, send(query.Form(), body, header))
}

// TestASpacedOutNonceIsTheSameNonce is about the spaces that ACS3 trims before it signs: the service must act on what
// was signed.
func TestASpacedOutNonceIsTheSameNonce(t *testing.T) {
	l := newLab(t, nil)
	header := l.acs3("CreateKey", nil, "")
	require.Equal(t, http.StatusOK, l.send(request(http.MethodPost, "/", "", header), "").status)
	nonce := header.Get("X-Acs-Signature-Nonce")
	for _, spelling := range []string{
		nonce, nonce + " ", " " + nonce, "\t" + nonce, nonce + "\u00a0", "\u2003" + nonce,
		nonce + "\u0085",
	} {
		h := maps.Clone(header)
		h["X-Acs-Signature-Nonce"] = []string{spelling}
		got := l.send(request(http.MethodPost, "/", "", h), "")
		require.NotEqual(t, http.StatusOK, got.status, "%q", spelling)
	}
	require.Equal(t, 1, l.must("ListKeys").TotalCount)
}

func TestACiphertextWithAnyBitFlippedDoesNotOpen(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	blob, err := base64.StdEncoding.DecodeString(l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob)
	require.NoError(t, err)
	refused := func(changed []byte, what string, n int) {
		got := l.do("Decrypt", "CiphertextBlob", base64.StdEncoding.EncodeToString(changed))
		require.Contains(t, []kmsapi.Code{"InvalidParameter", "MissingParameter", "Forbidden.KeyNotFound"}, got.Code, "%s %d",
			what, n)
		require.Empty(t, got.Plaintext)
	}
	oneBitFlipped(string(blob), func(changed string, bit int) { refused([]byte(changed), "without bit", bit) })
	for n := range blob {
		refused(blob[:n], "cut to", n)
		refused(blob[n+1:], "without the first", n+1)
		refused(slices.Insert(slices.Clone(blob), n, 0), "with a zero at", n)
	}
}

func TestContextsThatReadAlikeAreApart(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	alike := []string{
		`{"a":"bc"}`, `{"ab":"c"}`, `{"abc":""}`, `{"":"abc"}`, `{"a":"b","c":""}`, `{"a":"","bc":""}`, `{"a":"b\u0000c"}`,
		`{"a\u0000":"bc"}`, `{"A":"bc"}`, `{"a":"bc "}`, `{"a":"\"bc\""}`, "{\"\u00e9\":\"\"}", "{\"e\u0301\":\"\"}",
		`{"a":"bc","":""}`, "",
	}
	for i, sealed := range alike {
		blob := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", sealed).CiphertextBlob
		for j, opened := range alike {
			got := l.do("Decrypt", "CiphertextBlob", blob, "EncryptionContext", opened)
			require.Equal(t, i == j, got.status == http.StatusOK, "sealed with %s, opened with %s", sealed, opened)
		}
	}
}

func TestTimestampsHaveOneMeaning(t *testing.T) {
	l := newLab(t, nil)
	l.now = l.now.Add(time.Hour)
	for _, text := range []string{
		"2026-11-22T10:16:01Z", "2026-11-22T09:43:59Z", "2026-11-22t10:00:00z", "2026-11-22 10:00:00", "2026-11-22T10:00:00",
		"2026-11-22T10:00:00+00:00", "2026-11-22T10:00:00-00:00", "2026-11-22T18:00:00+08:00", "2026-11-22T10:00:00.0Z",
		"2026-11-22T10:00:60Z", "2026-11-22T24:00:00Z", "2026-02-30T10:00:00Z",
		"0000-00-00T00:00:00Z",
		"9999999-11-22T10:00:00Z", "-2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z\x00", "1795341600",
	} {
		params := without(l.signed("CreateKey"), "Signature")
		params = with(params, "Timestamp", text)
		params = params.Add("Signature",
			signature.V1(l.caller.AccessKeySecret, signature.StringToSignV1(http.MethodPost, params)))
		l.post(params.Form()).refused(t, kmsapi.ErrIllegalTimestamp)
	}
}
