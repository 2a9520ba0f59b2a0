package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	ours   = "kst-ours"
	others = "kst-others"
)

// An authority signs certificates, as KMS's private root CA and the CA of a region do.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
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

// pki is the certificate chain of a dedicated gateway.
type pki struct{ root, region *authority }

func newPKI(t *testing.T) pki {
	t.Helper()
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	var none *authority
	root := none.sign(t, ca("Private KMS Root CA"))
	return pki{root: root, region: root.sign(t, ca("Private KMS cn-hangzhou Second CA"))}
}

// gateway starts the dedicated gateway of the instance called id. change, which may be nil, adapts its TLS
// configuration.
func (p pki) gateway(t *testing.T, id string, change func(*tls.Config), steps ...step) *script {
	t.Helper()
	leaf := p.region.sign(t, &x509.Certificate{DNSNames: []string{kmsapi.InstanceHost(id)}})
	s := unstarted(t, steps...)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{
		Certificate: [][]byte{leaf.cert.Raw, p.region.cert.Raw}, PrivateKey: leaf.key,
	}}}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	return s
}

// instance returns the configuration of s as a dedicated gateway. Its endpoint is an address, so the host name comes
// from the id.
func (p pki) instance(s *script) client.Instance {
	return client.Instance{Endpoint: s.URL, CACert: p.root.pem() + p.region.pem()}
}

func withInstance(id string, i client.Instance) func(*client.Config) {
	return func(cfg *client.Config) {
		cfg.Instances, cfg.MaxRetries = map[string]client.Instance{id: i}, -1
	}
}

func TestARequestGoesToTheGatewayOfItsOperationAndInstance(t *testing.T) {
	p := newPKI(t)
	shared, dedicated := newScript(t, done), p.gateway(t, ours, nil, done)
	c := shared.dial(t, withInstance(ours, p.instance(dedicated)))
	for name, tc := range map[string]struct {
		client            *client.Client
		call              func(context.Context, *client.Client) error
		shared, dedicated int
	}{
		"a data operation on a key of the instance":        {client: c.Instance(ours), call: encrypt, dedicated: 1},
		"a management operation on a key of the instance":  {client: c.Instance(ours), call: createKey, shared: 1},
		"re-encryption of what a key of the instance made": {client: c.Instance(ours), call: reEncrypt, shared: 1},
		"a data operation on a key of no instance":         {client: c, call: encrypt, shared: 1},
		"a key of an instance without a gateway":           {client: c.Instance(others), call: encrypt, shared: 1},
	} {
		t.Run(name, func(t *testing.T) {
			sharedBefore, dedicatedBefore := len(shared.seen()), len(dedicated.seen())
			require.NoError(t, tc.call(t.Context(), tc.client))
			require.Len(t, shared.seen(), sharedBefore+tc.shared)
			require.Len(t, dedicated.seen(), dedicatedBefore+tc.dedicated)
		})
	}
}

func reEncrypt(ctx context.Context, c *client.Client) error {
	_, err := c.ReEncrypt(ctx, &kmsapi.ReEncryptRequest{CiphertextBlob: "b", DestinationKeyId: "k"})
	return err
}

func TestOperationsOfTheDataPlane(t *testing.T) {
	for _, op := range []kmsapi.Operation{
		kmsapi.OpEncrypt, kmsapi.OpDecrypt, kmsapi.OpGenerateDataKey, kmsapi.OpGenerateDataKeyWithoutPlaintext,
		kmsapi.OpExportDataKey, kmsapi.OpGenerateAndExportDataKey,
	} {
		require.Equal(t, kmsapi.DataPlane, op.Plane(), op)
	}
	require.Equal(t, kmsapi.SharedDataPlane, kmsapi.OpReEncrypt.Plane())
	for _, op := range []kmsapi.Operation{kmsapi.OpDescribeKey, kmsapi.OpCreateKey, kmsapi.OpGetKmsInstance} {
		require.Equal(t, kmsapi.ControlPlane, op.Plane(), op)
	}
}

func TestEveryFormOfTheCAAndOfTheChainIsTrusted(t *testing.T) {
	p := newPKI(t)
	leafAlone := func(c *tls.Config) { c.Certificates[0].Certificate = c.Certificates[0].Certificate[:1] }
	onlyTLS12 := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	both := p.root.pem() + p.region.pem()
	for name, tc := range map[string]struct {
		ca     string
		change func(*tls.Config)
	}{
		"both certificates":                            {ca: both},
		"both certificates, server sends the leaf":     {ca: both, change: leafAlone},
		"the regional CA alone":                        {ca: p.region.pem()},
		"the regional CA alone, server sends the leaf": {ca: p.region.pem(), change: leafAlone},
		"lines that end in CR LF":                      {ca: strings.ReplaceAll(both, "\n", "\r\n"), change: leafAlone},
		"a listener of TLS 1.2 only":                   {ca: both, change: onlyTLS12},
	} {
		t.Run(name, func(t *testing.T) {
			dedicated := p.gateway(t, ours, tc.change, done)
			instance := client.Instance{Endpoint: dedicated.URL, CACert: tc.ca}
			require.NoError(t, encrypt(t.Context(), newScript(t, done).dial(t, withInstance(ours, instance)).Instance(ours)))
		})
	}
}

// All customers of a region share the CA: only the host name distinguishes instances.
func TestTheGatewayOfAnotherInstanceIsRefused(t *testing.T) {
	p := newPKI(t)
	dedicated := p.gateway(t, others, nil, done)
	c := newScript(t, done).dial(t, withInstance(ours, p.instance(dedicated))).Instance(ours)
	err := encrypt(t.Context(), c)
	var wrongName x509.HostnameError
	require.ErrorAs(t, err, &wrongName)
	require.True(t, requireTransportError(t, err, kmsapi.OpEncrypt).Unsent)
	require.Empty(t, dedicated.seen())
	named := p.instance(dedicated)
	named.TLSServerName = kmsapi.InstanceHost(others)
	c = newScript(t, done).dial(t, withInstance(ours, named)).Instance(ours)
	require.NoError(t, encrypt(t.Context(), c), "unless the configuration names it")
}

func TestAnotherCAIsRefused(t *testing.T) {
	p := newPKI(t)
	instance := client.Instance{Endpoint: p.gateway(t, ours, nil, done).URL, CACert: newPKI(t).root.pem()}
	err := encrypt(t.Context(), newScript(t, done).dial(t, withInstance(ours, instance)).Instance(ours))
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

func TestErrorsNameTheGateway(t *testing.T) {
	p := newPKI(t)
	dedicated := p.gateway(t, ours, nil, status(http.StatusBadGateway, "<html>"))
	c := newScript(t, done).dial(t, withInstance(ours, p.instance(dedicated))).Instance(ours)
	failed := requireTransportError(t, encrypt(t.Context(), c), kmsapi.OpEncrypt)
	require.Equal(t, strings.TrimPrefix(dedicated.URL, "https://"), failed.Endpoint)
	require.Equal(t, failed.Endpoint, c.EndpointOf(kmsapi.OpEncrypt))
	require.Equal(t, c.Endpoint(), c.EndpointOf(kmsapi.OpCreateKey))
}

func TestSkewIsKeptForEachGateway(t *testing.T) {
	p := newPKI(t)
	shared := newScript(t, done)
	dedicated := p.gateway(t, ours, nil, clockOff("RequestTimeTooSkewed", noon.Add(time.Hour)), done)
	c := shared.dial(t, func(cfg *client.Config) {
		atNoon(cfg)
		withInstance(ours, p.instance(dedicated))(cfg)
	})
	require.NoError(t, encrypt(t.Context(), c.Instance(ours)))
	require.NoError(t, encrypt(t.Context(), c))
	require.Equal(t, []string{"2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"}, timestamps(dedicated))
	require.Equal(t, []string{"2026-11-22T12:00:00Z"}, timestamps(shared))
}

func TestAnAnswerThatIsNotJSON(t *testing.T) {
	protobuf := "\x08\x90\x03\x12\x10MissingParameter\x1a\x48Parameter x-kms-acccesskeyid does not exist in http header or body."
	for name, tc := range map[string]struct {
		answer step
		want   error
		says   string
	}{
		"of an image that is too old": {answer: status(http.StatusBadRequest, protobuf), want: client.ErrOldImage},
		"of a proxy": {
			answer: header("Content-Type", "text/html", status(http.StatusForbidden, "<html>")),
			says:   `HTTP 403 Forbidden with content type "text/html"`,
		},
		"that claims to be an answer": {answer: answer("\x0a\x05hello"), says: "did not come from KMS"},
	} {
		t.Run(name, func(t *testing.T) {
			err := encrypt(t.Context(), newScript(t, tc.answer).dial(t, func(cfg *client.Config) { cfg.MaxRetries = -1 }))
			failed := requireTransportError(t, err, kmsapi.OpEncrypt)
			require.ErrorContains(t, failed, tc.says)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			require.NotContains(t, err.Error(), "invalid character", "no JSON parse error")
		})
	}
}

func TestAnInstanceThatCannotBeReached(t *testing.T) {
	for name, tc := range map[string]struct {
		id       string
		instance client.Instance
		says     string
	}{
		"without a CA":      {id: ours, instance: client.Instance{}, says: `Instances["kst-ours"].CACert is missing`},
		"with a damaged CA": {id: ours, instance: client.Instance{CACert: "PEM?"}, says: "no PEM certificate"},
		"without an id":     {instance: client.Instance{CACert: newPKI(t).root.pem()}, says: "id is empty"},
		"with a bad endpoint": {
			id:       ours,
			instance: client.Instance{Endpoint: "http://kms.example.com", CACert: newPKI(t).root.pem()}, says: "without TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.New(client.Config{Credentials: staff, Instances: map[string]client.Instance{tc.id: tc.instance}})
			require.ErrorContains(t, err, tc.says)
		})
	}
}
