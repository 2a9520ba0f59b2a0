package sm2key

import (
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// vector reads a file that OpenSSL has made.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

// opensslKey is the key of the vectors.
func opensslKey(t testing.TB) *PrivateKey {
	t.Helper()
	key, err := ParsePrivate(vector(t, "sm2.pkcs8.der"))
	require.NoError(t, err)
	return key
}

// standardKey is the key of the examples in GB/T 32918.5-2017.
func standardKey(t testing.TB) *PrivateKey {
	t.Helper()
	key, err := New(unhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"))
	require.NoError(t, err)
	return key
}

func unhex(text string) []byte {
	decoded, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return decoded
}

// The order of the curve, and the prime of its field.
var (
	order = new(big.Int).SetBytes(unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123"))
	prime = new(big.Int).SetBytes(unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF"))
)

// number is n in 32 bytes.
func number(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

// orderPlus is the order of the curve and d, in 32 bytes.
func orderPlus(d int64) []byte { return number(new(big.Int).Add(order, big.NewInt(d))) }

func pemOf(t testing.TB, spki []byte) string {
	t.Helper()
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
}
