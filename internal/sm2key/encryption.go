package sm2key

import (
	"crypto/subtle"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm2/sm2ec"
	"github.com/emmansun/gmsm/sm3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	uncompressed = 4
	pointSize    = 1 + 2*curvekey.Size
	// Overhead is how much longer a ciphertext is than its plaintext, in bytes.
	Overhead = pointSize + sm3.Size
	// maxCiphertext is the length of the longest ciphertext of KMS.
	maxCiphertext = kmsapi.MaxSM2Plaintext + Overhead
)

// MaxPlaintext is the most that [PublicKey.Encrypt] takes, in bytes.
const MaxPlaintext = maxCiphertext - Overhead

// The library has both of the following, but its own fail for short plaintexts: of its ciphertexts of one byte, one in
// 256 can't be decrypted, and it refuses one in 256 valid ones.

// Encrypt encrypts 1 to [MaxPlaintext] bytes. The ciphertext is [Overhead] bytes longer.
func (p *PublicKey) Encrypt(plaintext []byte) ([]byte, error) {
	if len(plaintext) == 0 || len(plaintext) > MaxPlaintext {
		return nil, fmt.Errorf("SM2 encrypts 1 to %d bytes, not %d", MaxPlaintext, len(plaintext))
	}
	for {
		ephemeral, err := Generate() // A1, A2
		if err != nil {
			return nil, err
		}
		if ciphertext, ok := p.encryptWith(ephemeral, plaintext); ok {
			return ciphertext, nil
		}
	}
}

// encryptWith encrypts with a key that must not be used again, and clears it. It fails if the mask is zero: one time in
// 256 for a plaintext of a byte.
func (p *PublicKey) encryptWith(ephemeral *PrivateKey, plaintext []byte) (ciphertext []byte, ok bool) {
	defer ephemeral.Clear()
	shared := ephemeral.multiply(p) // A4
	defer clear(shared)
	c2 := sm3.Kdf(shared, len(plaintext)) // A5
	if isZero(c2) == 1 {
		return nil, false
	}
	subtle.XORBytes(c2, c2, plaintext) // A6
	ciphertext = make([]byte, 0, Overhead+len(plaintext))
	ciphertext = append(ciphertext, ephemeral.public.point...)
	ciphertext = append(ciphertext, c3(shared, plaintext)...) // A7
	return append(ciphertext, c2...), true
}

// Decrypt returns what was encrypted with the public key; the caller clears it. All inputs of the same length that do
// not decrypt take the same time.
func (k *PrivateKey) Decrypt(ciphertext []byte) (plaintext []byte, ok bool) {
	c, whole := k.partsOf(ciphertext) // B1
	shared := k.multiply(c.point)     // B3
	defer clear(shared)
	plaintext = sm3.Kdf(shared, len(c.c2)) // B4
	noMask := isZero(plaintext)
	subtle.XORBytes(plaintext, plaintext, c.c2)                          // B5
	authentic := subtle.ConstantTimeCompare(c3(shared, plaintext), c.c3) // B6
	if whole && authentic&^noMask == 1 {
		return plaintext, true
	}
	clear(plaintext)
	return nil, false
}

// isZero returns 1 if all bytes are zero, and 0 otherwise.
func isZero(mask []byte) int { return subtle.ConstantTimeCompare(mask, make([]byte, len(mask))) }

// ciphertextParts are C1, C3 and C2 of a ciphertext.
type ciphertextParts struct {
	point  *PublicKey
	c3, c2 []byte
}

// partsOf splits a ciphertext. If it is not one, whole is false, and decrypting the parts takes just as long: their
// point is that of k, and C2 has the same length, up to the longest that a ciphertext may have.
func (k *PrivateKey) partsOf(ciphertext []byte) (c ciphertextParts, whole bool) {
	if c, whole = parse(ciphertext); whole {
		return c, true
	}
	standIn := make([]byte, min(max(len(ciphertext), Overhead+1), maxCiphertext))
	copy(standIn, k.public.point)
	c, _ = parse(standIn)
	return c, false
}

// parse splits a ciphertext. Its point must be uncompressed and on the curve.
func parse(ciphertext []byte) (c ciphertextParts, ok bool) {
	if len(ciphertext) <= Overhead || len(ciphertext) > maxCiphertext {
		return c, false
	}
	point, err := sm2.NewPublicKey(ciphertext[:pointSize])
	if err != nil {
		return c, false
	}
	return ciphertextParts{newPublicKey(point), ciphertext[pointSize:Overhead], ciphertext[Overhead:]}, true
}

// multiply returns x and y of the point, multiplied by the private key. The order of the curve is prime, so the result
// is never the point at infinity.
func (k *PrivateKey) multiply(point *PublicKey) []byte {
	//lint:ignore SA1019 The library has no other multiplication that gives y too, and point is on the curve.
	x, y := sm2ec.P256().ScalarMult(point.key.X, point.key.Y, k.scalar)
	shared := make([]byte, 2*curvekey.Size)
	x.FillBytes(shared[:curvekey.Size])
	y.FillBytes(shared[curvekey.Size:])
	clear(x.Bits())
	clear(y.Bits())
	return shared
}

// c3 is SM3(x || plaintext || y).
func c3(shared, plaintext []byte) []byte {
	h := sm3.New()
	h.Write(shared[:curvekey.Size])
	h.Write(plaintext)
	h.Write(shared[curvekey.Size:])
	return h.Sum(nil)
}
