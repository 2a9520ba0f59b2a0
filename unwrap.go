package alicloudkms

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// ephemeralKeySize is the length of the AES key that wraps the material, in bytes.
	ephemeralKeySize = 32
	// wrappedMaterialSize is the length of key material after AES-KWP, in bytes.
	wrappedMaterialSize = kmsapi.KeyMaterialSize + 8
)

// errUnwrap is the one error for all that can only be seen with the private key.
var errUnwrap = badRequest(`the field "ciphertext" can't be opened: it must be the base64 of a 256-bit AES key, encrypted by RSA-OAEP ` +
	"with this mount's wrapping_key and the hash_function, followed by key material of exactly 32 bytes, wrapped by AES-KWP with that AES key")

type hashMaker = func() hash.Hash

// hashFunctions are those of transit, by its names. OAEP's mask generation uses the same one. They are read only.
var hashFunctions = map[string]hashMaker{
	"SHA1":   sha1.New,
	"SHA224": sha256.New224,
	"SHA256": sha256.New,
	"SHA384": sha512.New384,
	"SHA512": sha512.New,
}

// unwrap opens what transit's clients send: an AES-256 key by RSA-OAEP, then the key material by AES-KWP with that key. It
// is CKM_RSA_AES_KEY_WRAP of PKCS #11. The caller clears the material.
//
// The length is judged first, and told, because the sender can count it himself. From there on there is one error: whoever
// holds another's ciphertext must not learn from variations of it which part failed. The time differs by a few AES blocks
// between an RSA part that opens and one that does not; that tells no more than whether OAEP, which is safe against chosen
// ciphertexts, accepted. Whether 25 or 32 bytes were inside is not told either, although AES-KWP would be safe with it.
func unwrap(key *rsa.PrivateKey, newHash hashMaker, ciphertext []byte) ([]byte, error) {
	if want := key.Size() + wrappedMaterialSize; len(ciphertext) != want {
		return nil, badRequest(`the field "ciphertext" has %d bytes, once base64 is decoded, and a wrapped key of %d bytes has %d`,
			len(ciphertext), kmsapi.KeyMaterialSize, want)
	}
	ephemeral, err := rsa.DecryptOAEP(newHash(), nil, key, ciphertext[:key.Size()], nil)
	if err != nil {
		return nil, errUnwrap
	}
	defer clear(ephemeral)
	if len(ephemeral) != ephemeralKeySize {
		return nil, errUnwrap
	}
	kwp, err := subtle.NewKWP(ephemeral)
	if err != nil {
		return nil, errUnwrap
	}
	material, err := kwp.Unwrap(ciphertext[key.Size():])
	if err != nil {
		return nil, errUnwrap
	}
	if len(material) != kmsapi.KeyMaterialSize {
		clear(material)
		return nil, errUnwrap
	}
	return material, nil
}
