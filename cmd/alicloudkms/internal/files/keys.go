package files

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
)

// Keys makes and opens data keys of files.
type Keys interface {
	// Generate returns a new data key, which the caller clears, and the same as KMS wrapped it.
	Generate(ctx context.Context, c Contexts) (key *[envelope.KeySize]byte, wrapped []byte, err error)
	// Unwrap returns the data key of a file, which the caller clears.
	Unwrap(ctx context.Context, wrapped []byte, c Contexts) (*[envelope.KeySize]byte, error)
	// OpenText returns the plaintext of a ciphertext of the engine, which begins with "vault:v" and is one line.
	OpenText(ctx context.Context, ciphertext string, c Contexts) ([]byte, error)
}

// newKey expands a data key and clears what it was made from.
func newKey(secret *[envelope.KeySize]byte) *envelope.Key {
	defer clear(secret[:])
	return envelope.NewKey(secret)
}

// decodeKey decodes a data key, and clears what it has read on the way.
func decodeKey(encoded []byte) (*[envelope.KeySize]byte, error) {
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	defer clear(decoded)
	n, err := base64.StdEncoding.Strict().Decode(decoded, encoded)
	if err != nil || n != envelope.KeySize {
		return nil, fmt.Errorf("what KMS has decrypted is not a data key of %d bytes", envelope.KeySize)
	}
	key := [envelope.KeySize]byte(decoded)
	return &key, nil
}

var errNotWrapped = errors.New("the answer holds no wrapped data key of KMS that fits into a file")

// decodeWrapped decodes a wrapped data key. One of KMS's begins with the id of a key version, which is text. That of
// another secrets engine, which may also have a path datakey/plaintext, is random from its first byte, and a file with
// it would never open.
func decodeWrapped(blob string) ([]byte, error) {
	wrapped, err := base64.StdEncoding.Strict().DecodeString(blob)
	if err != nil || len(wrapped) > envelope.MaxWrapped || !beginsWithID(wrapped) {
		return nil, errNotWrapped
	}
	return wrapped, nil
}

// beginsWithID reports whether a ciphertext begins as those of symmetric KMS keys do. No id is shorter than this.
func beginsWithID(blob []byte) bool {
	const shortest = 16
	if len(blob) <= shortest {
		return false
	}
	for _, b := range blob[:shortest] {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return true
}
