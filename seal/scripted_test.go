package seal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An authority signs the certificates of dedicated gateways.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	return (*authority)(nil).sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Private KMS Root CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
}

// sign makes a certificate under a, or a self-signed one if a is nil.
func (a *authority) sign(t *testing.T, template *x509.Certificate) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := &authority{cert: template, key: key}
	if a != nil {
		signer = a
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{cert: cert, key: key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// A scriptedGateway is the dedicated gateway of an instance. It gives every request the same answer.
type scriptedGateway struct {
	*httptest.Server
	mu      sync.Mutex // guards actions
	actions []string
}

func (a *authority) gateway(t *testing.T, id string, status int, answer string) *scriptedGateway {
	t.Helper()
	g := new(scriptedGateway)
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.actions = append(g.actions, r.FormValue("Action"))
		g.mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	leaf := a.sign(t, &x509.Certificate{DNSNames: []string{kmsapi.InstanceHost(id)}})
	g.TLS = &tls.Config{Certificates: []tls.Certificate{{
		Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key,
	}}}
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *scriptedGateway) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.actions
}
