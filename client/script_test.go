package client_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	secretKey = "canary-secret-key"
	stsToken  = "canary-security-token"
	plaintext = "Y2FuYXJ5LXBsYWludGV4dA=="
)

var staff = client.Static{AccessKeyID: "testid", AccessKeySecret: kmsapi.NewSecret(secretKey)}

// A request is what a script received, decoded with the standard library only.
type request struct {
	method, path, query, contentType, userAgent, remote string
	form                                                url.Values
}

// A step answers one request.
type step = http.HandlerFunc

// A script is an HTTPS server that answers requests with its steps in turn, and then always with the last.
type script struct {
	*httptest.Server
	mu       sync.Mutex // guards requests
	requests []request
}

func newScript(t *testing.T, steps ...step) *script {
	t.Helper()
	return newScriptBehind(t, func(l net.Listener) net.Listener { return l }, steps...)
}

// newScriptBehind is newScript with its listener wrapped.
func newScriptBehind(t *testing.T, wrap func(net.Listener) net.Listener, steps ...step) *script {
	t.Helper()
	s := unstarted(t, steps...)
	s.Listener = wrap(s.Listener)
	s.StartTLS()
	return s
}

// newPlainScript is newScript without TLS.
func newPlainScript(t *testing.T, steps ...step) *script {
	t.Helper()
	s := unstarted(t, steps...)
	s.Start()
	return s
}

// newOldTLSScript is newScript with TLS 1.1 at most, which the client must refuse.
func newOldTLSScript(t *testing.T, steps ...step) *script {
	t.Helper()
	s := unstarted(t, steps...)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.StartTLS()
	return s
}

func unstarted(t *testing.T, steps ...step) *script {
	t.Helper()
	s := new(script)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.record(r)
		steps[min(n, len(steps))-1](w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

// record keeps r and returns the number of requests so far.
func (s *script) record(r *http.Request) int {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	r.Form = form // for the step
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request{
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, remote: r.RemoteAddr, form: form,
		contentType: r.Header.Get("Content-Type"), userAgent: r.UserAgent(),
	})
	return len(s.requests)
}

func (s *script) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// ca is the PEM of the server's certificate, which is its own authority.
func (s *script) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// config is the configuration of a client for this server that does not wait between attempts.
func (s *script) config() client.Config {
	return client.Config{
		Endpoint: s.URL, CACert: s.ca(), Credentials: staff, RequestTimeout: time.Minute,
		Jitter: func(time.Duration) time.Duration { return 0 },
	}
}

// dial returns a client for this server. change, which may be nil, adapts its configuration.
func (s *script) dial(t *testing.T, change func(*client.Config)) *client.Client {
	t.Helper()
	cfg := s.config()
	if change != nil {
		change(&cfg)
	}
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// answer answers with status 200 and body.
func answer(body string) step { return status(http.StatusOK, body) }

// status answers with a status and body.
func status(code int, body string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// refuse answers with a KMS error.
func refuse(code int, name kmsapi.Code) step {
	body, _ := json.Marshal(map[string]any{
		"Code": name, "Message": "It is so.", "RequestId": "r-1", "HostId": "h", "HttpStatus": code,
	})
	return status(code, string(body))
}

// header sets a header before next.
func header(name, value string, next step) step {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(name, value)
		next(w, r)
	}
}

// raw writes bytes to the connection as they are and closes it.
func raw(bytes string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, bytes)
	}
}

var (
	done = answer(`{
		"RequestId":"r-0","KeyId":"k-1","CiphertextBlob":"blob","Plaintext":"p","KeyMetadata":{"KeyId":"k-1"}
	}`)
	throttle = refuse(http.StatusTooManyRequests, "Rejected.Throttling")
	hangUp   = raw("")
	cut      = raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + `{"RequestId":"r-0","Plaintext":"` + plaintext)
	// hang never answers: it waits until the client gives up.
	hang step = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
)

// operations has one that may be repeated and one that may not.
var operations = map[string]func(context.Context, *client.Client) error{"Encrypt": encrypt, "CreateKey": createKey}

func encrypt(ctx context.Context, c *client.Client) error {
	_, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: "k-1", Plaintext: kmsapi.NewSecret(plaintext)})
	return err
}

func createKey(ctx context.Context, c *client.Client) error {
	_, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{})
	return err
}

// requireTransportError checks the type, and that the message suits a log: no URL, no parameter, no secret.
func requireTransportError(t *testing.T, err error, op kmsapi.Operation) *client.TransportError {
	t.Helper()
	var transport *client.TransportError
	require.ErrorAs(t, err, &transport)
	require.Equal(t, op, transport.Operation)
	require.Contains(t, err.Error(), transport.Endpoint)
	requireNoSecret(t, err.Error())
	require.NotContains(t, err.Error(), "http://")
	require.NotContains(t, err.Error(), "https://")
	require.NotContains(t, err.Error(), "AccessKeyId")
	return transport
}

func requireNoSecret(t *testing.T, printed string) {
	t.Helper()
	for _, secret := range []string{secretKey, stsToken, plaintext, strings.TrimRight(plaintext, "=")} {
		require.NotContains(t, printed, secret)
	}
}
