// Package keywrap opens key material that clients of Vault's transit engine have wrapped.
package keywrap

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// EphemeralKeySize is the length of the AES key that wraps the material, in bytes.
const EphemeralKeySize = 32

// kwpBlock is the block of AES-KWP, in bytes: it pads what it wraps to a multiple of a block, and puts one block in
// front.
const kwpBlock = 8

// maxMaterial bounds what can reasonably be key material, in bytes.
const maxMaterial = 512

// wrongSize is the error for a ciphertext of size bytes, the first rsaSize of them RSA's, whose key material does not
// have want bytes. It says how long the material is, as far as the sender can count that too.
func wrongSize(size, rsaSize, want int) error {
	padded := size - rsaSize - kwpBlock
	if padded <= 0 || padded > maxMaterial || padded%kwpBlock != 0 {
		return fmt.Errorf("has %d bytes, once base64 is decoded, and was not wrapped with this mount's wrapping_key: "+
			"it would have %d", size, rsaSize+want+kwpBlock)
	}
	hint := fmt.Sprintf("for new material: head -c %d /dev/urandom | base64", want)
	switch digits := base64.StdEncoding.EncodedLen(want); padded {
	case 2 * want:
		hint = "if it is hexadecimal, decode it first: xxd -r -p"
	case (digits + kwpBlock - 1) / kwpBlock * kwpBlock:
		hint = "if it is base64 twice, encode the bytes once"
	}
	return fmt.Errorf("wraps key material of %d to %d bytes, and KMS takes exactly %d; %s",
		padded-kwpBlock+1, padded, want, hint)
}

// ErrUnwrap is the only error for anything that can be seen only with the private key. Like the other error of
// [Unwrap], it ends a sentence that begins with what should be opened.
var ErrUnwrap = errors.New("can't be opened: it must be the base64 of a 256-bit AES key, encrypted by RSA-OAEP " +
	"with this mount's wrapping_key and the hash_function, followed by the key material, wrapped by AES-KWP with that AES key")

// A Hash makes the hash function of RSA-OAEP. Its mask generation uses the same one.
type Hash = func() hash.Hash

// hashes are transit's hash functions, by its names. They are read only.
var hashes = map[string]Hash{
	"SHA1":   sha1.New,
	"SHA224": sha256.New224,
	"SHA256": sha256.New,
	"SHA384": sha512.New384,
	"SHA512": sha512.New,
}

// DefaultHash names the hash function that transit uses if a caller names none.
const DefaultHash = "SHA256"

// HashNames returns the names of all hash functions.
func HashNames() []string { return []string{"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"} }

// HashNamed returns the hash function called name, in upper or lower case, and nil if there is none.
func HashNamed(name string) Hash { return hashes[strings.ToUpper(name)] }

// Unwrap opens what transit's clients send: an AES-256 key by RSA-OAEP, then the key material by AES-KWP with that key.
// It is CKM_RSA_AES_KEY_WRAP of PKCS #11. The material must have size bytes, a multiple of 8. The caller clears it.
//
// The length is checked first and has an error of its own, because the sender can count it. After that there is one
// error: a caller that holds somebody else's ciphertext must not learn from variations of it which part failed. The
// time differs by a few AES blocks between an RSA part that opens and one that does not; that shows no more than
// whether OAEP, which is safe against chosen ciphertexts, accepted. Whether 25 or 32 bytes were inside is not shown
// either, although AES-KWP would be safe even then.
func Unwrap(key *rsa.PrivateKey, newHash Hash, ciphertext []byte, size int) ([]byte, error) {
	if len(ciphertext) != key.Size()+size+kwpBlock {
		return nil, wrongSize(len(ciphertext), key.Size(), size)
	}
	material, ok := unwrap(key, newHash, ciphertext)
	if !ok {
		return nil, ErrUnwrap
	}
	if len(material) != size {
		clear(material)
		return nil, ErrUnwrap
	}
	return material, nil
}

// unwrap opens a ciphertext that is longer than the modulus. It says only whether that succeeded.
func unwrap(key *rsa.PrivateKey, newHash Hash, ciphertext []byte) (opened []byte, ok bool) {
	ephemeral, err := rsa.DecryptOAEP(newHash(), nil, key, ciphertext[:key.Size()], nil)
	if err != nil {
		return nil, false
	}
	defer clear(ephemeral)
	if len(ephemeral) != EphemeralKeySize {
		return nil, false
	}
	kwp, err := subtle.NewKWP(ephemeral)
	if err != nil {
		return nil, false
	}
	opened, err = kwp.Unwrap(ciphertext[key.Size():])
	return opened, err == nil
}
