package wrapping

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const keyID = "1234abcd-12ab-34cd-56ef-12345678901a"

var expires = time.Date(2018, 1, 25, 0, 1, 2, 0, time.UTC)

func newToken(t testing.TB) Token {
	return Token{KeyID: keyID, Algorithm: kmsapi.WrapOAEPSHA256, Expires: expires, Key: newKey(t)}
}

func marshal(t testing.TB, token Token) []byte {
	t.Helper()
	encoded, err := token.Marshal()
	require.NoError(t, err)
	return encoded
}

func TestATokenHoldsTheIDOfACMKInAnInstance(t *testing.T) {
	want := newToken(t)
	want.KeyID = "key-hzz62f1cb66fa42qo7p3x"
	encoded := marshal(t, want)
	require.Equal(t, append([]byte(want.KeyID), make([]byte, 11)...), encoded[:36])
	got, err := ParseToken(encoded)
	require.NoError(t, err)
	require.Equal(t, want.KeyID, got.KeyID)
	encoded[24] = 0
	_, err = ParseToken(encoded)
	require.ErrorIs(t, err, errToken, "no id has 24 characters")
}

func TestTokensParse(t *testing.T) {
	for _, algorithm := range []string{
		kmsapi.WrapPKCS1v15, kmsapi.WrapOAEPSHA1, kmsapi.WrapOAEPSHA256, kmsapi.WrapKeyPair,
	} {
		want := newToken(t)
		want.Algorithm = algorithm
		got, err := ParseToken(marshal(t, want))
		require.NoError(t, err)
		require.Equal(t, want.KeyID, got.KeyID)
		require.Equal(t, want.Algorithm, got.Algorithm)
		require.Equal(t, want.Expires, got.Expires)
		require.True(t, rsaOf(want.Key).Equal(rsaOf(got.Key)))
	}
}

func TestTokenLayoutIsStable(t *testing.T) {
	encoded := marshal(t, newToken(t))
	require.Equal(t, keyID, string(encoded[:36]))
	require.Equal(t, []byte{0, 0, 0, 0, 0x5a, 0x69, 0x1e, 0x3e}, encoded[36:44])
	require.Equal(t, byte(3), encoded[44])
	require.Equal(t, sharedDER(), encoded[45:])
	require.Equal(t, map[byte]string{
		1: "RSAES_PKCS1_V1_5", 2: "RSAES_OAEP_SHA_1", 3: "RSAES_OAEP_SHA_256",
		4: "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD", 5: "SM2PKE", 6: "SM2PKE_SM4_ECB",
	}, algorithmCodes)
}

func TestTokensExpire(t *testing.T) {
	token := newToken(t)
	require.False(t, token.Expired(expires.Add(-time.Nanosecond)))
	require.True(t, token.Expired(expires))
	require.True(t, token.Expired(expires.Add(time.Hour)))
}

func TestMarshalRefusesInvalidTokens(t *testing.T) {
	for name, change := range map[string]func(*Token){
		"unknown algorithm":    func(t *Token) { t.Algorithm = "RSAES_OAEP_SHA_512" },
		"no key":               func(t *Token) { t.KeyID = "" },
		"alias in place of id": func(t *Token) { t.KeyID = "alias/payroll" },
	} {
		t.Run(name, func(t *testing.T) {
			token := newToken(t)
			change(&token)
			_, err := token.Marshal()
			require.Error(t, err)
		})
	}
}

func TestParseTokenRefusesOtherData(t *testing.T) {
	encoded := marshal(t, newToken(t))
	for n := range len(encoded) {
		_, err := ParseToken(encoded[:n])
		require.ErrorIs(t, err, errToken, "cut to %d bytes", n)
	}
	_, err := ParseToken(append(bytes.Clone(encoded), 0))
	require.ErrorIs(t, err, errToken, "one byte too many")
	for _, code := range []byte{0, 7, 255} {
		changed := bytes.Clone(encoded)
		changed[algorithmOffset] = code
		_, err := ParseToken(changed)
		require.ErrorIs(t, err, errToken, "algorithm %d", code)
	}
}

func FuzzParseToken(f *testing.F) {
	encoded := marshal(f, newToken(f))
	f.Add(encoded)
	f.Add(encoded[:keyOffset])
	f.Add(bytes.Repeat([]byte{1}, keyOffset+1))
	f.Fuzz(func(t *testing.T, fuzzed []byte) {
		token, err := ParseToken(fuzzed)
		if err != nil {
			require.ErrorIs(t, err, errToken)
			return
		}
		require.Equal(t, fuzzed, marshal(t, token), "a token has one encoding")
	})
}
