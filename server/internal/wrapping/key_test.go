package wrapping

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// sharedDER is a key for all tests that can use any: generating one takes 100 ms.
var sharedDER = sync.OnceValue(func() []byte {
	key, err := Generate(kmsapi.WrappingKeySpecRSA2048)
	if err != nil {
		panic(err)
	}
	der, err := key.private.DER()
	if err != nil {
		panic(err)
	}
	return der
})

func newKey(t testing.TB) *Key {
	t.Helper()
	return parse(t, sharedDER())
}

func parse(t testing.TB, der []byte) *Key {
	t.Helper()
	key, err := ParseKey(kmsapi.WrappingKeySpecRSA2048, der)
	require.NoError(t, err)
	return key
}

// rsaOf returns the RSA key in a wrapping key.
func rsaOf(k *Key) *rsa.PrivateKey { return k.private.(*rsaKey).private }

func TestGeneratedKeysHaveTheSizeInTheReference(t *testing.T) {
	key, err := Generate(kmsapi.WrappingKeySpecRSA2048)
	require.NoError(t, err)
	der, err := key.PublicDER()
	require.NoError(t, err)
	public, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	require.Equal(t, 2048, public.(*rsa.PublicKey).N.BitLen())
	require.Equal(t, 65537, public.(*rsa.PublicKey).E)
}

func TestKeysParse(t *testing.T) {
	key := newKey(t)
	der, err := key.private.DER()
	require.NoError(t, err)
	require.True(t, rsaOf(key).Equal(rsaOf(parse(t, der))))
}

func TestParseKeyRefusesOtherData(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	changed := bytes.Clone(sharedDER())
	changed[len(changed)-1] ^= 1
	for name, der := range map[string][]byte{
		"nothing":               nil,
		"garbage":               []byte("garbage"),
		"a key cut short":       sharedDER()[:1000],
		"a changed number":      changed,
		"a key of another size": x509.MarshalPKCS1PrivateKey(short),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKey(kmsapi.WrappingKeySpecRSA2048, der)
			require.Error(t, err)
		})
	}
}

func TestClearOverwritesThePrivateNumbers(t *testing.T) {
	key := newKey(t)
	private := rsaOf(key)
	key.Clear()
	require.Nil(t, key.private)
	for _, words := range [][]uint{
		words(private.D.Bits()), words(private.Primes[0].Bits()), words(private.Primes[1].Bits()),
		words(private.Precomputed.Dp.Bits()), words(private.Precomputed.Dq.Bits()), words(private.Precomputed.Qinv.Bits()),
	} {
		require.NotEmpty(t, words)
		for _, word := range words {
			require.Zero(t, word)
		}
	}
}

func words[W ~uint](bits []W) (plain []uint) {
	for _, w := range bits {
		plain = append(plain, uint(w))
	}
	return plain
}

func TestKeysPrintAsRedacted(t *testing.T) {
	key := newKey(t)
	secret := rsaOf(key).D.String()
	token := Token{KeyID: keyID, Key: key}
	for _, value := range []any{key, *key, token, &token, struct{ inner any }{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			require.NotContains(t, fmt.Sprintf(verb, value), secret[:20], verb)
		}
	}
	require.Equal(t, "[redacted]", fmt.Sprintf("%+v", key))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "token", token)
	require.NotContains(t, log.String(), secret[:20])
}
