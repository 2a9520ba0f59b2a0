package server_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// caller sends requests with its own access key, to its own region.
type caller struct {
	*wire
	credentials signature.Credentials
	region      string
}

func (c caller) do(action string, pairs ...string) answer {
	c.t.Helper()
	params := kmsapi.Params{{Name: "Action", Value: action}, {Name: "RegionId", Value: c.region}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	return c.post(signature.SignV1(http.MethodPost, params, c.credentials, newNonce(), c.kms.Now()))
}

func (c caller) must(action string, pairs ...string) answer {
	c.t.Helper()
	got := c.do(action, pairs...)
	require.Equal(c.t, http.StatusOK, got.status, "%s: %s", action, got.body)
	return got
}

// as returns a caller with the access key id, whose secret is the id followed by -secret.
func (w *wire) as(id string) caller {
	return caller{
		w,
		signature.Credentials{AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(id + "-secret")},
		"cn-hangzhou",
	}
}

// configured is newWire with a changed configuration.
func configured(t *testing.T, change func(*server.Config)) *wire {
	return wireTo(t, kmstest.WithOptions(t, change, server.Options{KeyPairs: vectorPair}))
}

func accessKey(id string, allow ...server.Allow) server.AccessKey {
	return server.AccessKey{ID: id, Secret: id + "-secret", Allow: allow}
}

func (w *wire) tlsConfig() *tls.Config {
	return w.http.Transport.(*http.Transport).TLSClientConfig.Clone()
}

// get sends a GET request with signed parameters under ctx and returns the status.
func (w *wire) get(ctx context.Context, params kmsapi.Params) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+w.kms.Endpoint+"/?"+params.Form(), nil)
	require.NoError(w.t, err)
	resp, err := w.http.Do(req)
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	return resp.StatusCode
}
