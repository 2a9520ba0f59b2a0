package wrapping

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Token has everything that an import must match (§4.2). It holds a private key, so it must be sealed before it
// leaves the service.
type Token struct {
	// KeyID is the id of the CMK that the material is for.
	KeyID string
	// Algorithm is the algorithm that the material is wrapped with.
	Algorithm string
	// Expires is when the token expires. It has no fraction of a second.
	Expires time.Time
	Key     *Key
}

// The layout of a token. Everything except the private key, which comes last, has a fixed length, so a token has only
// one encoding.
const (
	keyIDSize       = 36
	instanceIDSize  = 25 // the length of the id of a CMK in a KMS instance
	expiresOffset   = keyIDSize
	algorithmOffset = expiresOffset + 8
	keyOffset       = algorithmOffset + 1
)

// algorithmCodes are the algorithms that a token may name, by the bytes that encode them, which must never change.
var algorithmCodes = map[byte]string{
	1: kmsapi.WrapPKCS1v15,
	2: kmsapi.WrapOAEPSHA1,
	3: kmsapi.WrapOAEPSHA256,
	4: kmsapi.WrapKeyPair,
	5: kmsapi.WrapSM2PKE,
	6: kmsapi.WrapSM2KeyPair,
}

// codeOf returns the byte that encodes an algorithm, or 0 for an unknown one.
func codeOf(algorithm string) byte {
	for code, name := range algorithmCodes {
		if name == algorithm {
			return code
		}
	}
	return 0
}

// errToken is the only error of [ParseToken].
var errToken = errors.New("not an import token")

// Marshal encodes t. The caller clears the result:
//
//	 0 36  key id, padded with zero bytes if it is shorter
//	36  8  expiry, seconds since 1970, big-endian
//	44  1  algorithm
//	45  n  private key: RSA in PKCS#1 DER, SM2 as its number in 32 bytes
func (t Token) Marshal() ([]byte, error) {
	code := codeOf(t.Algorithm)
	if !validSize(t.KeyID) || code == 0 {
		return nil, fmt.Errorf("a token can't hold key %q with algorithm %q", t.KeyID, t.Algorithm)
	}
	der, err := t.Key.private.DER()
	if err != nil {
		return nil, err
	}
	defer clear(der)
	encoded := make([]byte, 0, keyOffset+len(der))
	encoded = append(encoded, t.KeyID...)[:keyIDSize]
	encoded = binary.BigEndian.AppendUint64(encoded, uint64(t.Expires.Unix()))
	encoded = append(encoded, code)
	return append(encoded, der...), nil
}

func validSize(keyID string) bool { return len(keyID) == keyIDSize || len(keyID) == instanceIDSize }

// ParseToken reverses [Token.Marshal]. The caller clears the token's key.
func ParseToken(encoded []byte) (Token, error) {
	if len(encoded) < keyOffset {
		return Token{}, errToken
	}
	keyID := strings.TrimRight(string(encoded[:keyIDSize]), "\x00")
	algorithm, known := algorithmCodes[encoded[algorithmOffset]]
	if !validSize(keyID) || !known {
		return Token{}, errToken
	}
	key, err := ParseKey(kmsapi.WrappingKeySpec(algorithm), encoded[keyOffset:])
	if err != nil {
		return Token{}, errToken
	}
	return Token{
		KeyID:     keyID,
		Algorithm: algorithm,
		Expires:   time.Unix(int64(binary.BigEndian.Uint64(encoded[expiresOffset:])), 0).UTC(),
		Key:       key,
	}, nil
}

// Expired reports whether t has expired at now. At Expires itself it has.
func (t Token) Expired(now time.Time) bool { return !now.Before(t.Expires) }
