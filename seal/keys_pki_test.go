package seal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/openssl"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A PKI engine signs certificates with crypto/x509, through OpenBao's own signer. The certificates must be valid for
// everyone else, so OpenSSL checks them.
func TestAPKIWhoseKeyStaysInKMS(t *testing.T) {
	r := newPairRig(t)
	h := newKeysHost(r, kms.OpenOptions{ConfigMap: r.keyFields(nil)})
	for _, tc := range []struct {
		keySpec   string
		algorithm x509.SignatureAlgorithm
	}{
		{kmsapi.KeySpecP256, x509.ECDSAWithSHA256},
		{kmsapi.KeySpecRSA2048, x509.SHA256WithRSA},
		{kmsapi.KeySpecRSA3072, x509.SHA256WithRSAPSS},
	} {
		t.Run(tc.algorithm.String(), func(t *testing.T) {
			signer, err := kms.NewSigner(t.Context(), r.getKey(h.opened, r.pair(tc.keySpec)))
			require.NoError(t, err)
			root := &x509.Certificate{
				SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A root in KMS"}, IsCA: true,
				BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
				NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), SignatureAlgorithm: tc.algorithm,
			}
			rootDER, err := x509.CreateCertificate(rand.Reader, root, root, signer.Public(), signer)
			require.NoError(t, err)
			root, err = x509.ParseCertificate(rootDER)
			require.NoError(t, err)

			own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(t, err)
			leaf := &x509.Certificate{
				SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "web"}, DNSNames: []string{"web.example.com"},
				NotBefore: root.NotBefore, NotAfter: root.NotAfter, SignatureAlgorithm: tc.algorithm,
			}
			leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), signer)
			require.NoError(t, err)
			list := &x509.RevocationList{
				Number: big.NewInt(1), ThisUpdate: root.NotBefore, NextUpdate: root.NotAfter, SignatureAlgorithm: tc.algorithm,
			}
			listDER, err := x509.CreateRevocationList(rand.Reader, list, root, signer)
			require.NoError(t, err)

			files := map[string][]byte{
				"root.pem": encodePEM("CERTIFICATE", rootDER), "leaf.pem": encodePEM("CERTIFICATE", leafDER),
				"list.pem": encodePEM("X509 CRL", listDER),
			}
			said := openssl.Run(t, files, "verify -crl_check -CRLfile list.pem -CAfile root.pem leaf.pem")
			require.Equal(t, "leaf.pem: OK\n", string(said))
		})
	}
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
