package kmskeys

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/protocol"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A rig is a KMS service with something in front of it that can do before a call, or to its answer, what a KMS does
// not.
type rig struct {
	t         *testing.T
	admin     *client.Client
	keys      *Keys
	variables map[string]string
	warnings  []string

	mu sync.Mutex
	// before is called with each operation, and forge changes the fields of its answer.
	before func(kmsapi.Operation)
	forge  func(kmsapi.Operation, map[string]any)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	service := kmstest.New(t)
	admin, err := client.New(service.ClientConfig())
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	r := &rig{t: t, admin: admin}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(service.CACert))
	front := httptest.NewServer(r.inFrontOf("https://"+service.Endpoint, &tls.Config{RootCAs: roots}))
	t.Cleanup(front.Close)
	r.variables = map[string]string{
		"ALICLOUD_DOMAIN":     front.URL,
		"ALICLOUD_ACCESS_KEY": service.AccessKeyID, "ALICLOUD_SECRET_KEY": service.AccessKeySecret.Reveal(),
	}
	r.keys = &Keys{
		Variables: func(name string) string { return r.variables[name] },
		UserAgent: "a test",
		Warn:      func(message string) { r.warnings = append(r.warnings, message) },
	}
	return r
}

func (r *rig) inFrontOf(address string, config *tls.Config) http.Handler {
	transport := &http.Transport{TLSClientConfig: config}
	r.t.Cleanup(transport.CloseIdleConnections)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		form, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		values, _ := url.ParseQuery(string(form))
		op := kmsapi.Operation(values.Get("Action"))
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.before != nil {
			r.before(op)
		}
		passed, _ := http.NewRequestWithContext(req.Context(), req.Method, address, bytes.NewReader(form))
		passed.Header = req.Header
		answer, err := transport.RoundTrip(passed)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer answer.Body.Close()
		r.pass(w, op, answer)
	})
}

// pass writes an answer, forged if it is a success.
func (r *rig) pass(w http.ResponseWriter, op kmsapi.Operation, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.forge != nil && answer.StatusCode == http.StatusOK {
		var fields map[string]any
		if json.Unmarshal(body, &fields) == nil {
			r.forge(op, fields)
			body, _ = json.Marshal(fields)
		}
	}
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body)
}

// newKey makes a key pair on P-256 with an alias, and returns its id.
func (r *rig) newKey(alias string) string {
	r.t.Helper()
	made, err := r.admin.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	require.NoError(r.t, err)
	id := made.KeyMetadata.KeyId
	_, err = r.admin.CreateAlias(r.t.Context(), &kmsapi.CreateAliasRequest{AliasName: alias, KeyId: id})
	require.NoError(r.t, err)
	return id
}

// request is about a key of the service.
func request(key string) protocol.Request {
	return protocol.Request{Reference: kmsapi.DefaultRegion + "/" + key, Hash: crypto.SHA256}
}

func (r *rig) sign(key string) ([]byte, error) {
	r.t.Helper()
	return r.keys.SignMessage(r.t.Context(), request(key), strings.NewReader("a message"))
}

func (r *rig) verify(key string, remote bool, signature []byte) error {
	r.t.Helper()
	asked := request(key)
	asked.Remote = remote
	return r.keys.VerifySignature(r.t.Context(), asked, strings.NewReader("a message"), signature)
}
