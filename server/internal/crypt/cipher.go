package crypt

import (
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Cipher encrypts messages with one key. It is safe for concurrent use, except for Clear.
type Cipher interface {
	// Seal appends the ciphertext of plaintext and a tag of 16 bytes to dst, and authenticates additional too. The
	// nonce is random, and has the length that the cipher requires.
	Seal(dst, nonce, plaintext, additional []byte) []byte
	// Open reverses Seal, and appends the plaintext to dst. It may return any error.
	Open(dst, nonce, ciphertext, additional []byte) ([]byte, error)
	// Clear overwrites the key and everything derived from it.
	Clear()
}

// maxKeySize is the length of the longest key.
const maxKeySize = keySize

// A scheme describes how the keys of a KeySpec encrypt. Sizes are in bytes, and every tag has tagSize.
type scheme struct {
	keySpec            string
	keySize, nonceSize int
	// format is the format byte of data that material of the KeySpec has sealed.
	format byte
	// expand makes a cipher from the first keySize bytes of secret, which it copies. It is nil until the cipher is
	// registered.
	expand func(secret *[maxKeySize]byte) Cipher
}

// The schemes of material. Blobs that users keep depend on them. The scheme of AES is also used for everything else
// that this package encrypts. [Register] sets expand, before main begins.
var (
	aes256 = scheme{
		keySpec: kmsapi.KeySpecAES256, keySize: keySize, nonceSize: nonceSize, format: 1,
		expand: func(secret *[maxKeySize]byte) Cipher { return xaes.New(secret) },
	}
	sm4     = scheme{keySpec: kmsapi.KeySpecSM4, keySize: 16, nonceSize: 16, format: 2}
	schemes = []*scheme{&aes256, &sm4}
)

// ErrNotLinked reports that this program lacks the cipher of a key.
var ErrNotLinked = errors.New("this program is built without the cipher of the key")

// Register adds the cipher of a KeySpec whose code not every program links: Aliyun_SM4, with keys and nonces of 16
// bytes. newCipher must copy its key. Only the init function of a package may call Register.
func Register(keySpec string, newCipher func(key []byte) Cipher) {
	for _, s := range schemes {
		if s.keySpec == keySpec && s.expand == nil {
			s.expand = func(secret *[maxKeySize]byte) Cipher { return newCipher(secret[:s.keySize]) }
			return
		}
	}
	panic("crypt: KeySpec " + keySpec + " is unknown, or registered twice")
}

// schemeOf returns the scheme of a KeySpec, if the program has its cipher.
func schemeOf(keySpec string) (*scheme, error) {
	for _, s := range schemes {
		if s.keySpec != keySpec {
			continue
		}
		if s.expand == nil {
			return nil, ErrNotLinked
		}
		return s, nil
	}
	return nil, fmt.Errorf("material of KeySpec %q does not encrypt data", keySpec)
}

// schemeOfFormat returns the scheme with a format byte, even if the program lacks its cipher.
func schemeOfFormat(format byte) (*scheme, bool) {
	for _, s := range schemes {
		if s.format == format {
			return s, true
		}
	}
	return nil, false
}
