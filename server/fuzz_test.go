package server_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

func withoutAudit(c *server.Config) { c.Audit = nil }

// headerOf makes a header of lines, some of which may be malformed.
func headerOf(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		h.Add(name, strings.Trim(value, " \t"))
	}
	return h
}

// FuzzStranger sends anything that a client without an access key could send. It must be refused with a well-formed
// answer, and not by a failure of the service.
func FuzzStranger(f *testing.F) {
	l := newLab(f, withoutAudit)
	const form = "Content-Type: application/x-www-form-urlencoded\n"
	stranger := l.caller
	stranger.AccessKeySecret = kmsapi.NewSecret("not the secret")
	sign := func(at string) string {
		params := kmsapi.Params{{Name: "Action", Value: "CreateKey"}, {Name: "Format", Value: at}}
		return signature.SignV1(http.MethodPost, params, stranger, "n", l.now).Form()
	}
	acs3 := l.acs3("CreateKey", nil, "")
	acs3.Set("X-Acs-Action", "ListKeys")
	var acs3Lines strings.Builder
	require.NoError(f, acs3.Write(&acs3Lines))
	for _, seed := range []struct{ method, path, query, header, body string }{
		{"POST", "/", "", form, sign("JSON")},
		{"POST", "/", "", form, sign("XML")},
		{"GET", "/", sign("xml"), "", ""},
		{"POST", "/", "Action=CreateKey", "Content-Type: application/json\n", `{"a":1}`},
		{"POST", "/", "", acs3Lines.String(), ""},
		{"POST", "/", "", "Authorization: ACS3-HMAC-SHA256 Credential=a,SignedHeaders=;;,Signature=0\nAccept: text/xml\n", ""},
		{"PUT", "/x", "%zz", "", "\x00"},
		{"", "", "&&=&", ":\n::", "="},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.header, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, path, query, header, body string) {
		l.t = t
		h := headerOf(header)
		if h.Get("Authorization") == acs3.Get("Authorization") && h.Get("X-Acs-Action") == "CreateKey" {
			return // This one is signed.
		}
		got := l.send(request(method, path, query, h), body)
		require.GreaterOrEqual(t, got.status, 400)
		require.Less(t, got.status, 500, "%s", got.body)
		require.Equal(t, got.status, got.HttpStatus)
		require.NotEmpty(t, got.Code)
		require.NotEmpty(t, got.Message)
	})
}

// FuzzCaller sends arbitrary requests signed with a valid access key. They may be answered or refused, but the service
// must not fail.
func FuzzCaller(f *testing.F) {
	l := newLab(f, withoutAudit)
	id := l.createKey()
	for _, op := range server.Operations() {
		pairs := keyParameters(id, "alias/a", "AAAA")
		params := kmsapi.Params{{Name: "Action", Value: string(op)}}
		for i := 0; i < len(pairs); i += 2 {
			params = params.Add(pairs[i], pairs[i+1])
		}
		f.Add(params.Form())
	}
	f.Add("Action=Encrypt&Format=XML&KeyId=" + id + "&Plaintext=%01%0b&EncryptionContext=%7B%22a%22%3A%22%5Cu0000%22%7D")
	f.Add("Action=CreateKey&Format=XML&Description=%00%0D%E2%80%A8")
	f.Add("Action=ListKeys&RegionId=cn-beijing&PageNumber=9223372036854775807&PageSize=101")
	f.Fuzz(func(t *testing.T, form string) {
		l.t = t
		params, err := kmsapi.ParseForm(form)
		if err != nil {
			return
		}
		l.nonces++
		signed := signature.SignV1(http.MethodPost, params, l.caller, newNonce(), l.now)
		got := l.post(signed.Form())
		require.Less(t, got.status, 500, "%s\n%s", got.body, l.log.String())
		require.Equal(t, got.status >= 400, got.Code != "")
		if signed.Duplicate() != "" {
			require.Equal(t, http.StatusBadRequest, got.status)
		}
	})
}

// FuzzDecrypt sends arbitrary blobs and contexts to Decrypt. Only a pair that Encrypt has made may decrypt.
func FuzzDecrypt(f *testing.F) {
	l := newLab(f, withoutAudit)
	id := l.createKey()
	made := map[string]string{} // contexts by blob
	for _, context := range []string{"", `{"a":"bc"}`, `{"ab":"c"}`} {
		text := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", context).CiphertextBlob
		blob, err := base64.StdEncoding.DecodeString(text)
		require.NoError(f, err)
		made[string(blob)] = context
		f.Add(blob, context)
		f.Add(blob, `{"a":"b"}`)
		f.Add(blob[:60], context)
		f.Add(append(blob, 0), context)
	}
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, blob []byte, context string) {
		l.t = t
		got := l.do("Decrypt", "CiphertextBlob", base64.StdEncoding.EncodeToString(blob), "EncryptionContext", context)
		if got.status != http.StatusOK {
			require.Less(t, got.status, 500, "%s", got.body)
			require.Empty(t, got.Plaintext)
			return
		}
		want, ok := made[string(blob)]
		require.True(t, ok, "a blob that nobody has made")
		given, err := kmsapi.ParseEncryptionContext(context)
		if context == "" {
			given, err = nil, nil
		}
		require.NoError(t, err)
		require.Equal(t, want, given.JSON())
		require.Equal(t, "c2VjcmV0", got.Plaintext)
	})
}
