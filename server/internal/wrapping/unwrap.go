package wrapping

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Unwrap decrypts key material of size bytes that was encrypted with the public half of k by the algorithm called name.
// The caller clears it. If ok is false, for whatever reason, the material is random: a caller that takes the same steps
// with it, and checks ok only at the end, does not reveal how far the decryption got.
func (k *Key) Unwrap(name string, ciphertext []byte, size int) (material []byte, ok bool) {
	return unwrap(k.private, name, ciphertext, size)
}

func unwrap(key PrivateKey, name string, ciphertext []byte, size int) (material []byte, ok bool) {
	material = make([]byte, size)
	_, _ = rand.Read(material) // It never fails.
	return material, key.Unwrap(name, ciphertext, material) == 1
}

// An rsaUnwrap is [PrivateKey.Unwrap] for one algorithm. ciphertext is as long as the modulus.
type rsaUnwrap func(private *rsa.PrivateKey, ciphertext, material []byte) int

var rsaUnwraps = map[string]rsaUnwrap{
	kmsapi.WrapPKCS1v15:   unwrapPKCS1v15,
	kmsapi.WrapOAEPSHA1:   unwrapOAEP(sha1.New),
	kmsapi.WrapOAEPSHA256: unwrapOAEP(sha256.New),
}

// unwrapOAEP reverses RSAES-OAEP with an empty label and the same hash for the mask (RFC 8017, 7.1). It may branch on
// the length of a message: OAEP yields either what was encrypted with the public key or nothing.
func unwrapOAEP(newHash func() hash.Hash) rsaUnwrap {
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
