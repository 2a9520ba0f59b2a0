package wrapping

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"

// PrivateKey is a wrapping key of some kind. It is safe for concurrent use, except for Clear.
type PrivateKey interface {
	// SPKI returns the public half as a DER SubjectPublicKeyInfo.
	SPKI() ([]byte, error)
	// DER encodes the key for a token. The caller clears the result. A key has only one encoding.
	DER() ([]byte, error)
	// Unwrap overwrites material and returns 1 if ciphertext is wrapped material of the same length. Otherwise it
	// leaves material alone and returns 0, after the same time, whatever is wrong.
	Unwrap(algorithm string, ciphertext, material []byte) int
	// UnwrapPrivateKey is [Key.UnwrapPrivateKey].
	UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool)
	// Clear overwrites the private numbers that can be reached.
	Clear()
}

// PublicKey is a caller's public key of some kind, with which data keys are wrapped.
type PublicKey interface {
	// Approved reports whether FIPS 140-3 approves the key.
	Approved() bool
	// MaxWrapped returns the most bytes that Wrap takes with algorithm, or 0 if the key does not support it.
	MaxWrapped(algorithm string) int
	// Wrap encrypts secret.
	Wrap(algorithm string, secret []byte) ([]byte, error)
}

// Scheme is a kind of wrapping key.
type Scheme struct {
	Generate func() (PrivateKey, error)
	// Parse parses what [PrivateKey.DER] encodes, and checks that it is consistent.
	Parse func(der []byte) (PrivateKey, error)
	// ParsePublic parses a DER SubjectPublicKeyInfo, and refuses keys that can't be used for encryption. Its error is
	// for the caller and says what the key is not: "it is not ...".
	ParsePublic func(spki []byte) (PublicKey, error)
}

// schemes are the kinds of wrapping keys by WrappingKeySpec. [Register] changes it, before main begins.
var schemes = map[string]Scheme{
	kmsapi.WrappingKeySpecRSA2048: {generateRSA, parseRSA, parsePublicRSA},
}

// Register adds a kind of wrapping key whose code not every program links, for a WrappingKeySpec that has none yet.
// Only the init function of a package may call it.
func Register(spec string, s Scheme) {
	if _, has := schemes[spec]; has {
		panic("wrapping: WrappingKeySpec " + spec + " is registered twice")
	}
	schemes[spec] = s
}
