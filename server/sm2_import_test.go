package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAnSM2KeyPairIsImportedAndNoOtherAfterIt(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	pkcs8 := opensslFile("sm2.pkcs8.der")
	require.Equal(t, http.StatusOK, l.importSM2Pair(p.id, pkcs8).status)
	l.importSM2Pair(p.id, anotherSM2(t)).refused(t, kmsapi.ErrInvalidKeyMaterial)
	l.must("DeleteKeyMaterial", "KeyId", p.id)
	l.do("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", aDigest)...).
		refused(t, kmsapi.ErrRejectedPendingImport)
	l.restart()
	l.importSM2Pair(p.id, anotherSM2(t)).refused(t, kmsapi.ErrInvalidKeyMaterial)
	require.Equal(t, http.StatusOK, l.importSM2Pair(p.id, pkcs8).status, "the same again")
	l.must("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", aDigest)...)
	l.do("CreateKeyVersion", "KeyId", p.id).refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	l.requireGood()
}

// A failed import of a key pair is answered after a quarter of a second at the earliest: nothing authenticates the
// private scalar, and the time must not reveal how much of a changed one was right.
func TestAnSM2KeyPairThatIsNoneIsRefused(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	token, public := l.sm2Parameters(p.id, kmsapi.WrapSM2KeyPair)
	key, err := sm2key.New(append(make([]byte, 31), 1))
	require.NoError(t, err)
	good, err := public.WrapPrivateKey(key.Scalar())
	require.NoError(t, err)
	other, err := sm2key.Generate()
	require.NoError(t, err)
	foreign, err := other.Public().WrapPrivateKey(key.Scalar())
	require.NoError(t, err)
	tests := map[string]string{
		"not base64": "%%%", "a byte less": encode64(good[:144]), "a byte more": encode64(append(bytes.Clone(good), 0)),
		"for another wrapping key": encode64(foreign), "the number in clear": encode64(key.Scalar()),
		"PKCS#8 in clear": encode64(opensslFile("sm2.pkcs8.der")),
		"padded":          encode64(append(bytes.Clone(good), make([]byte, 16)...)),
	}
	for _, at := range []int{0, 1, 64, 65, 97, 112} {
		changed := bytes.Clone(good)
		changed[at] ^= 1
		tests[fmt.Sprintf("byte %d", at)] = encode64(changed)
	}
	for name, scalar := range map[string][]byte{
		"zero": make([]byte, 32), "all ones": bytes.Repeat([]byte{255}, 32),
		"the order": orderOfSM2(0), "the order - 1": orderOfSM2(1),
	} {
		wrapped, err := public.WrapPrivateKey(scalar)
		require.NoError(t, err)
		tests[name] = encode64(wrapped)
	}
	for name, wrapped := range tests {
		start := time.Now()
		got := l.do("ImportKeyMaterial", "KeyId", p.id, "ImportToken", token, "EncryptedKeyMaterial", wrapped)
		got.refused(t, kmsapi.ErrInvalidKeyMaterial)
		require.Greater(t, time.Since(start), 250*time.Millisecond, name)
	}
	require.Equal(t, kmsapi.PendingImport, l.metadata(p.id).KeyState)
	for name, scalar := range map[string][]byte{"1": key.Scalar(), "the order - 2": orderOfSM2(2)} {
		p := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
		token, public := l.sm2Parameters(p.id, kmsapi.WrapSM2KeyPair)
		wrapped, err := public.WrapPrivateKey(scalar)
		require.NoError(t, err)
		got := l.do("ImportKeyMaterial", "ImportToken", token, "EncryptedKeyMaterial", encode64(wrapped))
		require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.body)
		l.must("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", aDigest)...)
	}
}

func TestSymmetricMaterialIsWrappedByAnSM2Key(t *testing.T) {
	l := newSMLab(t)
	id := l.createKey("Origin", "EXTERNAL")
	for _, n := range []int{1, 16, 31, 33} {
		l.importBySM2(id, make([]byte, n)).refused(t, kmsapi.ErrInvalidKeyMaterial)
	}
	require.Equal(t, http.StatusOK, l.importBySM2(id, material).status)
	l.importBySM2(id, otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob
	l.must("DeleteKeyMaterial", "KeyId", id)
	l.importer(id, kmsapi.WrapOAEPSHA256).mustTry(material)
	require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", blob).Plaintext, "the wrap does not matter")
}

func TestTheParametersOfAnImportFitOneAnother(t *testing.T) {
	l := newSMLab(t)
	aes, rsa, sm2 := l.createKey("Origin", "EXTERNAL"),
		l.createKey("Origin", "EXTERNAL", "KeySpec", "RSA_2048"), l.createKey("Origin", "EXTERNAL", "KeySpec", "EC_SM2")
	const oaep, pkcs1, pair = kmsapi.WrapOAEPSHA256, kmsapi.WrapPKCS1v15, kmsapi.WrapKeyPair
	const sm2pke, sm2pair = kmsapi.WrapSM2PKE, kmsapi.WrapSM2KeyPair
	for _, tc := range []struct{ id, spec, algorithm, says string }{
		{aes, "EC_SM2", sm2pke, ""},
		{aes, "RSA_2048", pkcs1, ""},
		{rsa, "RSA_2048", pair, ""},
		{sm2, "EC_SM2", sm2pair, ""},
		{aes, "RSA_2048", sm2pke, `"WrappingKeySpec"`},
		{aes, "EC_SM2", oaep, `"WrappingKeySpec"`},
		{aes, "EC_SM2", sm2pair, `"WrappingAlgorithm"`},
		{rsa, "EC_SM2", sm2pair, `"WrappingAlgorithm"`},
		{rsa, "EC_SM2", pair, `"WrappingKeySpec"`},
		{sm2, "RSA_2048", sm2pair, `"WrappingKeySpec"`},
		{sm2, "EC_SM2", sm2pke, `"WrappingAlgorithm" is not valid. For a key of KeySpec EC_SM2 it must be SM2PKE_SM4_ECB.`},
		{sm2, "RSA_2048", pair, `"WrappingAlgorithm"`},
	} {
		got := l.do("GetParametersForImport", "KeyId", tc.id, "WrappingKeySpec", tc.spec, "WrappingAlgorithm", tc.algorithm)
		if tc.says == "" {
			require.Equal(t, http.StatusOK, got.status, "%v: %s", tc, got.body)
			continue
		}
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, tc.says, "%v", tc)
	}
}
