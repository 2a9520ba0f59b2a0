package wrapping

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"

// PrivateKey is what a wrapping key of some kind does. It is safe for concurrent use, except for Clear.
type PrivateKey interface {
	// SPKI returns the public half as a DER SubjectPublicKeyInfo.
	SPKI() ([]byte, error)
	// DER encodes the key for a token. The caller clears the result. A key has one encoding.
	DER() ([]byte, error)
	// Unwrap overwrites material and returns 1 if ciphertext is wrapped material of the same length. Otherwise it leaves
	// material alone and returns 0, whatever is wrong, and in the same time.
	Unwrap(algorithm string, ciphertext, material []byte) int
	// UnwrapPrivateKey is [Key.UnwrapPrivateKey].
	UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool)
	// Clear overwrites the private numbers that can be reached.
	Clear()
}

// PublicKey is a public key of some kind that a caller has brought, to wrap a data key with.
type PublicKey interface {
	// Approved reports whether FIPS 140-3 approves the key.
	Approved() bool
	// MaxWrapped is the most bytes that Wrap takes with algorithm, and 0 if the key does not have it.
	MaxWrapped(algorithm string) int
	// Wrap encrypts secret.
	Wrap(algorithm string, secret []byte) ([]byte, error)
}

// Scheme is a kind of wrapping key.
type Scheme struct {
	Generate func() (PrivateKey, error)
	// Parse parses what [PrivateKey.DER] encodes, and checks that it is consistent.
	Parse func(der []byte) (PrivateKey, error)
	// ParsePublic parses a DER SubjectPublicKeyInfo, and refuses what can't be encrypted with. Its error says what the key
	// is not, for the caller who has brought it: "it is not ...".
	ParsePublic func(spki []byte) (PublicKey, error)
}

// schemes are the kinds of wrapping keys by WrappingKeySpec. [Register] changes it, before main begins.
var schemes = map[string]Scheme{
	kmsapi.WrappingKeySpecRSA2048: {generateRSA, parseRSA, parsePublicRSA},
}

// Register adds a kind of wrapping key whose code not every program links, for a WrappingKeySpec that has none. Only
// the init function of a package may call it.
func Register(spec string, s Scheme) {
	if _, has := schemes[spec]; has {
		panic("wrapping: WrappingKeySpec " + spec + " is registered twice")
	}
	schemes[spec] = s
}
