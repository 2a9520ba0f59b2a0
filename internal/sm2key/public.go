package sm2key

import (
	"crypto/ecdsa"

	"github.com/emmansun/gmsm/sm2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

// PublicKey is a public key. It is safe for concurrent use.
type PublicKey struct {
	key *ecdsa.PublicKey
	// point is the point of key, uncompressed.
	point []byte
}

func newPublicKey(key *ecdsa.PublicKey) *PublicKey {
	point := make([]byte, 1+2*curvekey.Size)
	point[0] = uncompressed
	//lint:ignore SA1019 The encoder of crypto/ecdsa takes no other curves than its own.
	x, y := key.X, key.Y
	x.FillBytes(point[1 : 1+curvekey.Size])
	y.FillBytes(point[1+curvekey.Size:])
	return &PublicKey{key, point}
}

// ParsePublic parses a SubjectPublicKeyInfo, whose point must be uncompressed, on the curve, and not at infinity. The
// error is [ErrKey].
func ParsePublic(spki []byte) (*PublicKey, error) {
	point, err := curvekey.SM2.ParsePublic(spki)
	if err != nil {
		return nil, ErrKey
	}
	key, err := sm2.NewPublicKey(point)
	if err != nil {
		return nil, ErrKey
	}
	return newPublicKey(key), nil
}

// SPKI encodes the key as a SubjectPublicKeyInfo.
func (p *PublicKey) SPKI() ([]byte, error) { return curvekey.SM2.Public(p.point) }

// Verify reports whether signature is the key's signature of digest. It is false for anything that is not a signature.
func (p *PublicKey) Verify(digest, signature []byte) bool {
	return len(digest) == DigestSize && sm2.VerifyASN1(p.key, digest, signature)
}
