package server_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/sm"
)

func withSM(c *server.Config) { c.SM = true }

// newSMLab returns a lab with the SM algorithms, whose RSA keys come from testdata.
func newSMLab(t testing.TB) *lab { return newPairLab(t, withSM) }

// setSM closes the service and opens it with another value of sm.
func (l *lab) setSM(on bool) {
	l.t.Helper()
	l.config.SM = on
	l.restart()
}

// sm2Parameters returns the token and the public key for an import that is wrapped with an SM2 key.
func (l *lab) sm2Parameters(id, algorithm string) (token string, public *sm2key.PublicKey) {
	l.t.Helper()
	got := l.must("GetParametersForImport", "KeyId", id, "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", algorithm)
	der, err := base64.StdEncoding.DecodeString(got.PublicKey)
	require.NoError(l.t, err)
	public, err = sm2key.ParsePublic(der)
	require.NoError(l.t, err)
	return got.ImportToken, public
}

// wrapSM2Pair encrypts a private key for an import.
func wrapSM2Pair(t testing.TB, public *sm2key.PublicKey, pkcs8 []byte) string {
	t.Helper()
	key, err := sm2key.ParsePrivate(pkcs8)
	require.NoError(t, err)
	wrapped, err := public.WrapPrivateKey(key.Scalar())
	require.NoError(t, err)
	return encode64(wrapped)
}

// wrapBySM2 is wrapBy for an SM2 wrapping key.
func wrapBySM2(t testing.TB, algorithm string, spki, material []byte) string {
	t.Helper()
	public, err := sm2key.ParsePublic(spki)
	require.NoError(t, err)
	if algorithm == kmsapi.WrapSM2KeyPair {
		return wrapSM2Pair(t, public, material)
	}
	wrapped, err := public.Encrypt(material)
	require.NoError(t, err)
	return encode64(wrapped)
}

// importSM2Pair imports a private key into a CMK.
func (l *lab) importSM2Pair(id string, pkcs8 []byte) answer {
	l.t.Helper()
	token, public := l.sm2Parameters(id, kmsapi.WrapSM2KeyPair)
	return l.do("ImportKeyMaterial", "KeyId", id, "ImportToken", token,
		"EncryptedKeyMaterial", wrapSM2Pair(l.t, public, pkcs8))
}

// importBySM2 imports symmetric key material into a CMK.
func (l *lab) importBySM2(id string, material []byte) answer {
	l.t.Helper()
	token, public := l.sm2Parameters(id, kmsapi.WrapSM2PKE)
	wrapped, err := public.Encrypt(material)
	require.NoError(l.t, err)
	return l.do("ImportKeyMaterial", "KeyId", id, "ImportToken", token, "EncryptedKeyMaterial", encode64(wrapped))
}

// toSM2Recipient returns the parameters that name the SM2 public key in testdata as the recipient.
func toSM2Recipient() []string {
	return []string{
		"PublicKeyBlob", publicKeyBlob("sm2"), "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", "SM2PKE",
	}
}

// opensslSM2 returns the SM2 private key in testdata.
func opensslSM2(t testing.TB) *sm2key.PrivateKey {
	t.Helper()
	key, err := sm2key.ParsePrivate(opensslFile("sm2.pkcs8.der"))
	require.NoError(t, err)
	return key
}

// anotherSM2 returns a new SM2 key in PKCS#8.
func anotherSM2(t testing.TB) []byte {
	t.Helper()
	key, err := sm2key.Generate()
	require.NoError(t, err)
	pkcs8, err := key.PKCS8()
	require.NoError(t, err)
	return pkcs8
}

// orderOfSM2 returns the order of the curve minus a small number.
func orderOfSM2(less byte) []byte {
	order, _ := hex.DecodeString("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123")
	order[len(order)-1] -= less
	return order
}

func decode64(t testing.TB, text string) []byte {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	return decoded
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
