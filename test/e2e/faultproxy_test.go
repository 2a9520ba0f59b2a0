package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// faultProxy is a proxy between the engine and a KMS service. It forwards requests unchanged until it is made to fail.
type faultProxy struct {
	t       *testing.T
	kms     *kmsService
	forward *http.Client
	// certificate is self-signed; ca is the same in PEM.
	certificate tls.Certificate
	ca          string
	address     string
	server      *http.Server
	down        bool
	// faulty replaces forwarding, unless it is nil.
	faulty atomic.Pointer[fault]
}

// fault answers one request, whose body is form.
type fault func(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte)

func (k *kmsService) behindFaults(t *testing.T) *faultProxy {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(k.CA)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	p := &faultProxy{t: t, kms: k, forward: &http.Client{Transport: transport}, address: heldport.For(t)}
	p.certificate, p.ca = ownCertificate(t)
	p.goUp()
	t.Cleanup(p.goDown)
	return p
}

// ownCertificate generates a self-signed certificate for 127.0.0.1.
func ownCertificate(t *testing.T) (certificate tls.Certificate, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// config is the engine's configuration for using the service through the proxy.
func (p *faultProxy) config() map[string]any {
	return with(p.kms.EngineConfig(), map[string]any{"endpoint": p.address, "ca_cert": p.ca})
}

// goUp listens.
func (p *faultProxy) goUp() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if !assert.NoError(p.t, err) {
		return
	}
	p.down = false
	p.server = &http.Server{
		Handler: p, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{p.certificate}},
	}
	server := p.server
	go func() { _ = server.ServeTLS(listener, "", "") }()
}

// goDown closes everything, so that connections are refused.
func (p *faultProxy) goDown() {
	p.down = true
	assert.NoError(p.t, p.server.Close())
}

func (p *faultProxy) goWrong(f fault) { p.faulty.Store(&f) }

// heal ends every fault.
func (p *faultProxy) heal() {
	p.faulty.Store(nil)
	if p.down {
		p.goUp()
	}
}

func (p *faultProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return // The client has disconnected.
	}
	if f := p.faulty.Load(); f != nil {
		(*f)(p, w, r, form)
		return
	}
	pass(p, w, r, form)
}

// act lets KMS act on a request, even if the client disconnects meanwhile.
func (p *faultProxy) act(r *http.Request, form []byte) (status int, body []byte) {
	where := "https://" + p.kms.Address + r.URL.RequestURI()
	again, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, where, bytes.NewReader(form))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	again.Header = r.Header.Clone()
	resp, err := p.forward.Do(again)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return resp.StatusCode, body
}

func pass(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte) {
	status, body := p.act(r, form)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// refuse responds with an error of KMS.
func refuse(refusal kmsapi.Error) fault {
	return func(_ *faultProxy, w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(refusal.HTTPStatus)
		_ = json.NewEncoder(w).Encode(kmsapi.ErrorResponse{
			HttpStatus: refusal.HTTPStatus, Code: refusal.Code, Message: refusal.Message, RequestId: "of-the-fault-proxy",
		})
	}
}

// stall never responds. It returns when the client gives up.
func stall(_ *faultProxy, _ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }

// say responds with body and status 200.
func say(body string) fault {
	return func(_ *faultProxy, w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = io.WriteString(w, body) }
}

// truncate lets KMS act and forwards the first half of the response as if it were complete.
func truncate(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte) {
	_, body := p.act(r, form)
	_, _ = w.Write(body[:len(body)/2])
}

// breakOff lets KMS act and closes the connection in the middle of the response.
func breakOff(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte) {
	_, body := p.act(r, form)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// swallow lets KMS act and closes the connection before the response.
func swallow(p *faultProxy, _ http.ResponseWriter, r *http.Request, form []byte) {
	p.act(r, form)
	panic(http.ErrAbortHandler)
}

// after lets KMS act, and responds like f.
func after(f fault) fault {
	return func(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte) {
		p.act(r, form)
		f(p, w, r, form)
	}
}

// hold lets KMS act on a call of the operation, signals that to acted, and never responds. Other calls pass.
func hold(operation kmsapi.Operation, acted chan<- struct{}) fault {
	return func(p *faultProxy, w http.ResponseWriter, r *http.Request, form []byte) {
		if values, err := url.ParseQuery(string(form)); err != nil || values.Get("Action") != string(operation) {
			pass(p, w, r, form)
			return
		}
		p.act(r, form)
		acted <- struct{}{}
		stall(p, w, r, form)
	}
}
