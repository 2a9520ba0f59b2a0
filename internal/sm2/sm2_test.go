package sm2_test

import (
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2"
)

// readVector reads a file that OpenSSL has made.
func readVector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

func TestTheDigestIsThatOfOpenSSL(t *testing.T) {
	key, ok := sm2.ParsePublicKeyPEM(string(readVector(t, "sm2.pub.pem")))
	require.True(t, ok)
	want, message := readVector(t, "sm2.digest-sm3-za-m.bin"), readVector(t, "message.bin")
	require.Equal(t, want, key.Digest(signing.NewSM3(), message))
	key[0] ^= 1
	require.NotEqual(t, want, key.Digest(signing.NewSM3(), message))
}

func TestOnlyPublicKeysOnSM2AreTaken(t *testing.T) {
	for _, name := range []string{"rsa_2048.pub.pem", "prime256v1.pub.pem", "secp256k1.pub.pem", "sm2.pkcs8.der"} {
		_, ok := sm2.ParsePublicKeyPEM(string(readVector(t, name)))
		require.False(t, ok, name)
	}
	for name, der := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 91)} {
		_, ok := sm2.ParsePublicKey(der)
		require.False(t, ok, name)
	}
}

func TestCiphertextsOfOpenSSLAreWrittenAsKMSTakesThem(t *testing.T) {
	raw := readVector(t, "sm2.sm2pke.c1c3c2.enc")
	require.Equal(t, raw, sm2.RawCiphertext(readVector(t, "sm2.sm2pke.asn1.enc")))
	require.Equal(t, raw, sm2.RawCiphertext(raw), "it is one already")
}

func TestASmallCoordinateKeepsItsPlace(t *testing.T) {
	der, err := asn1.Marshal(struct {
		X, Y   *big.Int
		C3, C2 []byte
	}{big.NewInt(1), big.NewInt(2), make([]byte, 32), []byte("hello")})
	require.NoError(t, err)
	raw := sm2.RawCiphertext(der)
	require.Len(t, raw, 97+5)
	require.Equal(t, []byte{1, 0}, raw[32:34])
	require.Equal(t, []byte{2, 0}, raw[64:66])
}

func TestWhatIsNoCiphertextIsLeftToKMS(t *testing.T) {
	good := readVector(t, "sm2.sm2pke.asn1.enc")
	wide := new(big.Int).Lsh(big.NewInt(1), 256)
	for name, c := range map[string]any{
		"a wide x":      []any{wide, big.NewInt(1)},
		"a negative y":  []any{big.NewInt(1), big.NewInt(-1)},
		"a short C3":    31,
		"a byte after":  append(good, 0),
		"a byte less":   good[:len(good)-1],
		"nothing":       []byte(nil),
		"another shape": []byte{0x30, 3, 2, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			given, ok := c.([]byte)
			if !ok {
				given = marshalled(t, c)
			}
			require.Equal(t, given, sm2.RawCiphertext(given))
		})
	}
}

// marshalled is a ciphertext with other coordinates, or with a C3 of another length.
func marshalled(t *testing.T, c any) []byte {
	t.Helper()
	x, y, c3 := big.NewInt(1), big.NewInt(1), make([]byte, 32)
	switch c := c.(type) {
	case int:
		c3 = c3[:c]
	case []any:
		x, y = c[0].(*big.Int), c[1].(*big.Int)
	}
	der, err := asn1.Marshal(struct {
		X, Y   *big.Int
		C3, C2 []byte
	}{x, y, c3, []byte("hello")})
	require.NoError(t, err)
	return der
}

func FuzzRawCiphertext(f *testing.F) {
	f.Add(readVector(f, "sm2.sm2pke.asn1.enc"))
	f.Add(readVector(f, "sm2.sm2pke.c1c3c2.enc"))
	f.Fuzz(func(t *testing.T, given []byte) {
		raw := sm2.RawCiphertext(given)
		require.Equal(t, raw, sm2.RawCiphertext(raw), "nothing is changed twice")
	})
}
