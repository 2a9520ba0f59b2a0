package sm2

import (
	"encoding/asn1"
	"math/big"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

// A ciphertext is the DER of GB/T 35276, as OpenSSL writes it: the point, C3, which is an SM3, and C2, which is as long
// as the plaintext.
type ciphertext struct {
	X, Y   *big.Int
	C3, C2 []byte
}

// RawCiphertext returns a ciphertext as KMS takes it: 0x04, x, y, C3 and C2, one after the other. given has that form,
// or is in DER. Anything else is returned as it is: KMS has one answer for everything that does not open.
func RawCiphertext(given []byte) []byte {
	var c ciphertext
	if rest, err := asn1.Unmarshal(given, &c); err != nil || len(rest) > 0 || !isCoordinate(c.X) || !isCoordinate(c.Y) {
		return given
	}
	if len(c.C3) != curvekey.Size {
		return given
	}
	raw := make([]byte, 1+2*curvekey.Size, 1+3*curvekey.Size+len(c.C2))
	raw[0] = 4
	c.X.FillBytes(raw[1 : 1+curvekey.Size])
	c.Y.FillBytes(raw[1+curvekey.Size:])
	return append(append(raw, c.C3...), c.C2...)
}

func isCoordinate(n *big.Int) bool { return n.Sign() >= 0 && n.BitLen() <= 8*curvekey.Size }
