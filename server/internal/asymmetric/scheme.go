package asymmetric

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"

// PrivateKey is a private key of some kind. Algorithms may belong to another kind, and digests have [kmsapi.DigestSize]
// bytes.
type PrivateKey interface {
	// PKCS8 returns the key in its only encoding.
	PKCS8() ([]byte, error)
	Public() PublicKey
	// Sign returns [ErrAlgorithm] for an algorithm that the key does not support.
	Sign(algorithm string, digest []byte) ([]byte, error)
	// Decrypt takes the same time for any ciphertext that does not decrypt.
	Decrypt(algorithm string, ciphertext []byte) (plaintext []byte, ok bool)
	// Clear overwrites the private numbers that can be reached.
	Clear()
}

// PublicKey is a public key of some kind. Algorithms may belong to another kind.
type PublicKey interface {
	// SPKI encodes the key as a SubjectPublicKeyInfo.
	SPKI() ([]byte, error)
	Verify(algorithm string, digest, signature []byte) bool
	// MaxPlaintext returns 0 if the key does not support the algorithm.
	MaxPlaintext(algorithm string) int
	// Encrypt returns [ErrAlgorithm] for an algorithm that the key does not support.
	Encrypt(algorithm string, plaintext []byte) ([]byte, error)
}

// Scheme is a kind of key.
type Scheme struct {
	Generate func() (PrivateKey, error)
	// Parse parses PKCS#8 and checks the key, as described at [Parse], and ParsePublic parses a SubjectPublicKeyInfo.
	// They may return any error.
	Parse       func(pkcs8 []byte) (PrivateKey, error)
	ParsePublic func(spki []byte) (PublicKey, error)
}

// schemes are the kinds of keys by KeySpec. [Register] changes it, before main begins.
var schemes = map[string]Scheme{
	kmsapi.KeySpecRSA2048: rsaScheme(2048),
	kmsapi.KeySpecRSA3072: rsaScheme(3072),
	kmsapi.KeySpecRSA4096: rsaScheme(4096),
	kmsapi.KeySpecP256:    {generateP256, parseP256, parsePublicP256},
	kmsapi.KeySpecP256K:   {generateP256K, parseP256K, parsePublicP256K},
}

// Register adds a kind of key whose code not every program links, for a KeySpec that has none yet. Only the init
// function of a package may call it.
func Register(spec string, s Scheme) {
	if Has(spec) {
		panic("asymmetric: KeySpec " + spec + " is registered twice")
	}
	schemes[spec] = s
}

// Has reports whether this program has the code for keys of a KeySpec.
func Has(spec string) bool {
	_, has := schemes[spec]
	return has
}
