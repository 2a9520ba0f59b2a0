package client_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// keysOfOpenSSL are the beginnings of the names of files made by OpenSSL.
var keysOfOpenSSL = map[string]string{
	kmsapi.KeySpecRSA2048: "rsa_2048", kmsapi.KeySpecRSA3072: "rsa_3072", kmsapi.KeySpecRSA4096: "rsa_4096",
	kmsapi.KeySpecP256: "prime256v1", kmsapi.KeySpecP256K: "secp256k1", kmsapi.KeySpecSM2: "sm2",
}

func ofOpenSSL(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

// sec1 returns the SEC 1 form of a key in PKCS#8, with the curve named in it, as openssl ecparam -genkey writes it.
func sec1(t testing.TB, pkcs8 []byte) []byte {
	t.Helper()
	var outer struct {
		Version   int
		Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		Key       []byte
	}
	_, err := asn1.Unmarshal(pkcs8, &outer)
	require.NoError(t, err)
	var inner struct {
		Version int
		Scalar  []byte
		Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
		Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
	}
	_, err = asn1.Unmarshal(outer.Key, &inner)
	require.NoError(t, err)
	inner.Curve = outer.Algorithm.Curve
	der, err := asn1.Marshal(inner)
	require.NoError(t, err)
	return der
}

// inOtherForm returns a key in the form that is older than PKCS#8, and its type in PEM.
func inOtherForm(t testing.TB, spec string, pkcs8 []byte) (der []byte, name string) {
	t.Helper()
	if strings.HasPrefix(spec, "EC_") {
		return sec1(t, pkcs8), "EC PRIVATE KEY"
	}
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	require.NoError(t, err)
	return x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey)), "RSA PRIVATE KEY"
}

func inPEM(name string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der})
}

func TestAPrivateKeyIsReadInEveryForm(t *testing.T) {
	curve := inPEM("EC PARAMETERS", []byte{6, 5, 0x2b, 0x81, 4, 0, 0x0a})
	for spec, file := range keysOfOpenSSL {
		want := ofOpenSSL(t, file+".pkcs8.der")
		other, name := inOtherForm(t, spec, want)
		for form, content := range map[string][]byte{
			"PKCS#8 in DER": want, "PKCS#8 in PEM": inPEM("PRIVATE KEY", want),
			"the older form in DER": other, "the older form in PEM": append(bytes.Clone(curve), inPEM(name, other)...),
			"with a certificate": append(inPEM("PRIVATE KEY", want), inPEM("CERTIFICATE", []byte{0x30, 0})...),
		} {
			got, pkcs8, err := client.ParsePrivateKey(content)
			require.NoError(t, err, "%s, %s", spec, form)
			require.Equal(t, spec, got)
			require.Equal(t, want, pkcs8, "%s, %s", spec, form)
		}
	}
}

func TestWhatIsNoPrivateKeyForKMSIsRefused(t *testing.T) {
	marshal := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return der
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	k256, p256 := ofOpenSSL(t, "secp256k1.pkcs8.der"), ofOpenSSL(t, "prime256v1.pkcs8.der")
	onBrainpool := bytes.Replace(k256, []byte{0x2b, 0x81, 4, 0, 0x0a}, []byte{0x2b, 0x81, 4, 0, 0x0b}, 1)
	twoCurves := bytes.Replace(sec1(t, k256), []byte{0x2b, 0x81, 4, 0, 0x0a}, []byte{0x2b, 0x81, 4, 0, 0x0b}, 1)
	const kind, none = "of a kind that KMS does not import", "not a private key in PEM or DER"
	for name, tc := range map[string]struct {
		content []byte
		says    string
	}{
		"nothing": {nil, none}, "text": {[]byte("correct horse battery staple"), none},
		"32 bytes": {make([]byte, 32), none}, "cut short": {p256[:len(p256)-1], none},
		"with a byte after it": {append(bytes.Clone(k256), 0), none},
		"RSA of 1024 bits":     {marshal(small), kind}, "P-384": {marshal(large), kind}, "Ed25519": {marshal(edwards), kind},
		"another curve in PKCS#8": {onBrainpool, kind}, "another curve in SEC 1": {twoCurves, kind},
		"a public key": {ofOpenSSL(t, "rsa_2048.pub.pem"), "no private key is in it"},
		"two keys":     {append(inPEM("PRIVATE KEY", p256), inPEM("PRIVATE KEY", k256)...), "more than one private key"},
		"encrypted":    {inPEM("ENCRYPTED PRIVATE KEY", []byte{0x30, 0}), "openssl pkey"},
		"encrypted as before PKCS#8": {pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-256-CBC,00"}, Bytes: []byte{1},
		}), "openssl pkey"},
	} {
		t.Run(name, func(t *testing.T) {
			_, pkcs8, err := client.ParsePrivateKey(tc.content)
			require.ErrorContains(t, err, tc.says)
			require.Nil(t, pkcs8)
		})
	}
}

func TestAWrappedPrivateKeyIsImportedByTheService(t *testing.T) {
	c := clientOf(t, kmstest.New(t), nil)
	for spec, file := range keysOfOpenSSL {
		if spec == kmsapi.KeySpecSM2 {
			continue // Wrapping one needs SM2.
		}
		t.Run(spec, func(t *testing.T) {
			made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal, KeySpec: spec})
			require.NoError(t, err)
			id := made.KeyMetadata.KeyId
			got, err := c.GetParametersForImport(t.Context(), &kmsapi.GetParametersForImportRequest{
				KeyId: id, WrappingAlgorithm: kmsapi.WrapKeyPair, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
			})
			require.NoError(t, err)
			der, err := base64.StdEncoding.DecodeString(got.PublicKey)
			require.NoError(t, err)
			key, err := client.ParseImportKey(der)
			require.NoError(t, err)
			wrapped, err := client.WrapKeyMaterial(kmsapi.WrapKeyPair, key, ofOpenSSL(t, file+".pkcs8.der"))
			require.NoError(t, err)
			_, err = c.ImportKeyMaterial(t.Context(), &kmsapi.ImportKeyMaterialRequest{
				KeyId: id, ImportToken: got.ImportToken, EncryptedKeyMaterial: wrapped,
			})
			require.NoError(t, err)
			versions, err := c.ListKeyVersions(t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: id})
			require.NoError(t, err)
			public, err := c.GetPublicKey(t.Context(), &kmsapi.GetPublicKeyRequest{
				KeyId: id, KeyVersionId: versions.KeyVersions.KeyVersion[0].KeyVersionId,
			})
			require.NoError(t, err)
			require.Equal(t, string(ofOpenSSL(t, file+".pub.pem")), public.PublicKey)
		})
	}
}

// FuzzPrivateKey looks for a key that differs when its PKCS#8 is read again.
func FuzzPrivateKey(f *testing.F) {
	for spec, file := range keysOfOpenSSL {
		pkcs8 := ofOpenSSL(f, file+".pkcs8.der")
		other, name := inOtherForm(f, spec, pkcs8)
		for _, content := range [][]byte{pkcs8, other, inPEM(name, other)} {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, pkcs8, err := client.ParsePrivateKey(content)
		if err != nil {
			require.Nil(t, pkcs8)
			return
		}
		again, twice, err := client.ParsePrivateKey(pkcs8)
		require.NoError(t, err)
		require.Equal(t, spec, again)
		require.Equal(t, pkcs8, twice)
	})
}
