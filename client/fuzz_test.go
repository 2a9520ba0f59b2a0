package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// FuzzAnswer answers Decrypt with arbitrary bodies. Decrypt must return a complete answer or one of the two error
// types, and an answer only from a body that has no other meaning.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []struct {
		status int
		body   string
	}{
		{200, `{"RequestId":"r","KeyId":"k","Plaintext":"p"}`},
		{200, `{"RequestId":"r","KeyId":"k","Plaintext":"p"}{}`},
		{200, `{"RequestId":"r","KeyId":"k","Plaintext":null}`},
		{200, "{\"RequestId\":\"r\",\"KeyId\":\"k\",\"Plaintext\":\"\xff\"}"},
		{204, ""},
		{302, ""},
		{400, `{"Code":"SignatureDoesNotMatch","Message":"server string to sign is:POST&%2F&Plaintext%3D"}`},
		{404, `{"Code":"Forbidden.KeyNotFound","Message":"m","RequestId":"r"}`},
		{502, "<html>"},
	} {
		f.Add(seed.status, seed.body)
	}
	type response struct {
		status int
		body   string
	}
	var next atomic.Pointer[response]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(next.Load().status)
		_, _ = io.WriteString(w, next.Load().body)
	}))
	f.Cleanup(server.Close)
	c, err := client.New(client.Config{Endpoint: server.URL, Credentials: staff, MaxRetries: -1})
	require.NoError(f, err)
	f.Cleanup(c.Close)

	f.Fuzz(func(t *testing.T, status int, body string) {
		status = 200 + int(uint(status)%400)
		next.Store(&response{status, body})
		got, err := c.Decrypt(context.Background(), &kmsapi.DecryptRequest{CiphertextBlob: "blob"})
		if err == nil {
			require.Equal(t, 2, status/100)
			require.True(t, utf8.ValidString(body))
			require.NotEmpty(t, got.RequestId)
			require.NotEmpty(t, got.KeyId)
			require.False(t, got.Plaintext.IsEmpty())
			return
		}
		require.Nil(t, got)
		var refusal *kmsapi.Error
		if errors.As(err, &refusal) {
			require.NotEqual(t, 2, status/100)
			require.Equal(t, status, refusal.HTTPStatus)
			require.NotEmpty(t, refusal.Code)
			require.NotContains(t, refusal.Message, "%2F&")
			return
		}
		requireTransportError(t, err, kmsapi.OpDecrypt)
		if len(body) > 40 {
			require.False(t, strings.Contains(err.Error(), body))
		}
	})
}
