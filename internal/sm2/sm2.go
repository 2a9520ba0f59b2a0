// Package sm2 has the parts of SM2 that need no arithmetic: how ciphertexts are written, and what exactly is signed
// (GB/T 32918, GB/T 35276). The engine needs no more, since private keys on SM2 are in KMS, which also checks the
// signatures. SM3 comes from the caller.
package sm2

import (
	"encoding/hex"
	"encoding/pem"
	"hash"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

// UserID is the identity of the signer that goes into every digest: the default of GB/T 35276.
const UserID = "1234567812345678"

// A PublicKey is the x and y of a point, in big-endian order. Whether the point is on the curve has not been checked.
type PublicKey [2 * curvekey.Size]byte

// ParsePublicKey reads a SubjectPublicKeyInfo in DER, and reports whether it is of a key on SM2's curve, with an
// uncompressed point.
func ParsePublicKey(der []byte) (key PublicKey, ok bool) {
	point, err := curvekey.SM2.ParsePublic(der)
	if err != nil {
		return PublicKey{}, false
	}
	return PublicKey(point[1:]), true
}

// ParsePublicKeyPEM is [ParsePublicKey] for what GetPublicKey answers.
func ParsePublicKeyPEM(encoded string) (key PublicKey, ok bool) {
	block, _ := pem.Decode([]byte(encoded))
	if block == nil {
		return PublicKey{}, false
	}
	return ParsePublicKey(block.Bytes)
}

// curve is a, b and the generator's x and y (GB/T 32918.5), as they go into a digest.
var curve = unhex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC" +
	"28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93" +
	"32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7" +
	"BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0")

// Digest returns the 32 bytes that SM2 signs of a message: SM3(Z || message), where Z is the SM3 of the length of
// [UserID] in bits, UserID, the curve and the public key. newSM3 makes SM3.
func (k PublicKey) Digest(newSM3 func() hash.Hash, message []byte) []byte {
	h := newSM3()
	h.Write([]byte{0, byte(8 * len(UserID))})
	_, _ = io.WriteString(h, UserID) // A hash never fails.
	h.Write(curve)
	h.Write(k[:])
	z := h.Sum(nil)
	h.Reset()
	h.Write(z)
	h.Write(message)
	return h.Sum(nil)
}

func unhex(digits string) []byte {
	decoded, err := hex.DecodeString(digits)
	if err != nil {
		panic(err) // Not for a constant of this package.
	}
	return decoded
}
