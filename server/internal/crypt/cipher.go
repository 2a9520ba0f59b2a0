package crypt

// Cipher encrypts messages with one key. It is safe for concurrent use, except for Clear.
type Cipher interface {
	// Seal appends the ciphertext of plaintext and its tag to dst, and authenticates additional too. The nonce is random,
	// and has the length that the [CipherScheme] says.
	Seal(dst, nonce, plaintext, additional []byte) []byte
	// Open undoes Seal, and appends the plaintext to dst. Any error will do.
	Open(dst, nonce, ciphertext, additional []byte) ([]byte, error)
	// Clear overwrites the key and what was made of it.
	Clear()
}

// CipherScheme is how messages are encrypted with the material of a KeySpec.
type CipherScheme struct {
	// Format is the byte by which blobs tell the scheme. It is never 1, and no other scheme's.
	Format byte
	// KeySize and NonceSize are in bytes.
	KeySize, NonceSize int
	// New makes the cipher of a key, which it copies.
	New func(key []byte) Cipher
}

// cipherSchemes are those of KeySpecs other than that of the reference. [Register] changes it, before main begins.
var cipherSchemes = map[string]CipherScheme{}

// Register adds the scheme of a KeySpec whose code not every program links. Only the init function of a package may
// call it.
func Register(spec string, s CipherScheme) {
	if _, has := cipherSchemes[spec]; has {
		panic("crypt: KeySpec " + spec + " is registered twice")
	}
	cipherSchemes[spec] = s
}
