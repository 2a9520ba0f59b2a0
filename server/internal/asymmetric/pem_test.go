package asymmetric

import (
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPEMIsThatOfTheStandardLibrary(t *testing.T) {
	der := readVector(t, "rsa_4096.pkcs8.der")
	for n := range 600 { // as long as any public key, and every length of the last line
		want := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der[:n]})
		require.Equal(t, string(want), PEM(der[:n]), n)
	}
}
