package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

var (
	now   = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	until = now.Add(100 * 24 * time.Hour)
	hosts = []string{"kms.example.com", "localhost", "127.0.0.1", "::1"}
)

// issue makes a CA and a certificate for hosts.
func issue(t *testing.T) (*pki.Authority, pki.Pair) {
	t.Helper()
	ca, err := pki.NewAuthority(pki.CA("a CA", now, until), nil)
	require.NoError(t, err)
	leaf, err := ca.Issue(pki.Server("a server", hosts, now, until))
	require.NoError(t, err)
	return ca, leaf
}

// accepts verifies a certificate as a client that trusts ca does.
func accepts(ca, leaf *x509.Certificate, host string, at time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, DNSName: host, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

func TestClientsAcceptTheCertificateForItsHosts(t *testing.T) {
	ca, leaf := issue(t)
	for _, host := range hosts {
		require.NoError(t, accepts(ca.Certificate, leaf.Certificate, host, now), host)
	}
	require.NoError(t, accepts(ca.Certificate, leaf.Certificate, "localhost", now.Add(-50*time.Minute)), "a slow clock")
	for _, host := range []string{"example.com", "www.kms.example.com", "127.0.0.2"} {
		require.Error(t, accepts(ca.Certificate, leaf.Certificate, host, now), host)
	}
	require.Error(t, accepts(ca.Certificate, leaf.Certificate, "localhost", until.Add(time.Second)), "it has expired")
	other, _ := issue(t)
	require.Error(t, accepts(other.Certificate, leaf.Certificate, "localhost", now), "it is of another CA")
	require.Equal(t, hosts, pki.Hosts(leaf.Certificate))
}

func TestAServersCertificateSignsNothing(t *testing.T) {
	ca, leaf := issue(t)
	require.False(t, leaf.Certificate.IsCA)
	require.True(t, ca.Certificate.IsCA)
	require.True(t, ca.Certificate.MaxPathLenZero)
	require.Equal(t, elliptic.P256(), leaf.Key.(*ecdsa.PrivateKey).Curve)
	below, err := (&pki.Authority{Pair: leaf}).Issue(pki.Server("another", []string{"victim"}, now, until))
	require.NoError(t, err)
	require.Error(t, accepts(leaf.Certificate, below.Certificate, "victim", now))
}

func TestAKeyBelongsToItsCertificateAlone(t *testing.T) {
	ca, leaf := issue(t)
	require.NoError(t, leaf.Belongs())
	require.Error(t, pki.Pair{Certificate: leaf.Certificate, Key: ca.Key}.Belongs())
}

func TestPEMIsReadAsItWasWritten(t *testing.T) {
	ca, leaf := issue(t)
	found, err := pki.ParseCertificates(pki.EncodeCertificates(leaf.Certificate, ca.Certificate))
	require.NoError(t, err)
	require.Equal(t, []*x509.Certificate{leaf.Certificate, ca.Certificate}, found)
	encoded, err := pki.EncodeKey(leaf.Key)
	require.NoError(t, err)
	key, err := pki.ParseKey(encoded)
	require.NoError(t, err)
	require.NoError(t, pki.Pair{Certificate: leaf.Certificate, Key: key}.Belongs())
}

func TestWhatIsNotPEMIsRefused(t *testing.T) {
	ca, leaf := issue(t)
	key, err := pki.EncodeKey(leaf.Key)
	require.NoError(t, err)
	broken := func(kind string) string { return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n" }
	for _, text := range []string{"", string(key), broken("CERTIFICATE")} {
		_, err := pki.ParseCertificates([]byte(text))
		require.Error(t, err, text)
	}
	for _, text := range []string{"", string(pki.EncodeCertificates(ca.Certificate)), broken("PRIVATE KEY")} {
		_, err := pki.ParseKey([]byte(text))
		require.Error(t, err, text)
	}
}
