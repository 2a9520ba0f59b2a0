package wrapping

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An algorithm is one with which key material may be wrapped (§4.2).
type algorithm struct {
	// code identifies the algorithm in a token, and never changes.
	code byte
	name string
	// unwrap overwrites material and returns 1 if ciphertext is wrapped material of the same length. Otherwise it
	// leaves material alone and returns 0.
	unwrap func(private *rsa.PrivateKey, ciphertext, material []byte) int
}

var algorithms = []algorithm{
	{1, kmsapi.WrapPKCS1v15, unwrapPKCS1v15},
	{2, kmsapi.WrapOAEPSHA1, unwrapOAEP(sha1.New)},
	{3, kmsapi.WrapOAEPSHA256, unwrapOAEP(sha256.New)},
}

// inTokens are all that a token may name: those, and the one that [Key.UnwrapPrivateKey] undoes.
var inTokens = append(slices.Clone(algorithms), algorithm{
	4, kmsapi.WrapKeyPair, func(*rsa.PrivateKey, []byte, []byte) int { return 0 },
})

func algorithmNamed(name string) (algorithm, bool) {
	for _, a := range inTokens {
		if a.name == name {
			return a, true
		}
	}
	return algorithm{}, false
}

func algorithmOf(code byte) (algorithm, bool) {
	for _, a := range inTokens {
		if a.code == code {
			return a, true
		}
	}
	return algorithm{}, false
}

// Unwrap decrypts key material of size bytes that was encrypted with the public half of k by the algorithm called name.
// The caller clears it. If ok is false, for whatever reason, the material is random: a caller that takes the same steps
// with it, and looks at ok only at the end, does not reveal how far ciphertext was right.
func (k *Key) Unwrap(name string, ciphertext []byte, size int) (material []byte, ok bool) {
	material = make([]byte, size)
	_, _ = rand.Read(material) // It never fails.
	a, known := algorithmNamed(name)
	// RFC 8017 (7.1.2, 7.2.2) requires the full length. crypto/rsa would accept a ciphertext without its leading zeros.
	if !known || len(ciphertext) != k.private.Size() {
		return material, false
	}
	return material, a.unwrap(k.private, ciphertext, material) == 1
}

// unwrapOAEP undoes RSAES-OAEP with an empty label and the same hash for the mask (RFC 8017, 7.1). It may look at the
// length of a message: OAEP yields either what a holder of the public key encrypted or nothing.
func unwrapOAEP(newHash func() hash.Hash) func(*rsa.PrivateKey, []byte, []byte) int {
	return func(private *rsa.PrivateKey, ciphertext, material []byte) int {
		message, err := rsa.DecryptOAEP(newHash(), nil, private, ciphertext, nil)
		defer clear(message)
		if err != nil || len(message) != len(material) {
			return 0
		}
		copy(material, message)
		return 1
	}
}
