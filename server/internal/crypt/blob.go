package crypt

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	versionIDSize = 36
	blobFormat    = 1
	blobHeader    = versionIDSize + 1
	// blobLabel keeps blobs apart from all else that is ever sealed. Labels differ in their first bytes, so none is the
	// beginning of another.
	blobLabel = "alicloudkms blob v1\x00"
)

// Seal encrypts plaintext for the key version called versionID, whose key m is, and binds c to it. The layout of the blob is
// in the package comment; it is 77 bytes longer than plaintext.
func (m *Material) Seal(versionID string, plaintext []byte, c kmsapi.EncryptionContext) ([]byte, error) {
	if !isVersionID(versionID) {
		return nil, fmt.Errorf("key version id %q is not a UUID in lower-case text", versionID)
	}
	return m.key.seal(blobLabel, append([]byte(versionID), blobFormat), plaintext, encodeContext(c))
}

// Open returns the plaintext of a blob that m sealed with the same context. Any other blob is [ErrOpen].
func (m *Material) Open(blob []byte, c kmsapi.EncryptionContext) ([]byte, error) {
	if _, err := BlobVersionID(blob); err != nil {
		return nil, err
	}
	return m.key.open(blobLabel, blob, blobHeader, encodeContext(c))
}

// BlobVersionID returns the id of the key version that a blob names, so that the caller can find its key. Nothing but the
// form of the blob is proved: the id is what whoever sent it wrote there. The error is [ErrOpen].
func BlobVersionID(blob []byte) (string, error) {
	if len(blob) < blobHeader+nonceSize+tagSize || blob[versionIDSize] != blobFormat {
		return "", ErrOpen
	}
	id := string(blob[:versionIDSize])
	if !isVersionID(id) {
		return "", ErrOpen
	}
	return id, nil
}

// isVersionID reports whether id is a UUID in lower-case text: one id has one spelling.
func isVersionID(id string) bool {
	if len(id) != versionIDSize {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// encodeContext is injective: the number of entries, then each name and value in the byte order of names, each preceded by
// its length. Numbers have 32 bits, big-endian. No context and an empty one are the same (§4.11).
func encodeContext(c kmsapi.EncryptionContext) []byte {
	names, size := make([]string, 0, len(c)), 4
	for name, value := range c {
		names = append(names, name)
		size += 4 + len(name) + 4 + len(value)
	}
	slices.Sort(names)
	encoded := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(len(c)))
	for _, name := range names {
		encoded = appendString(encoded, name)
		encoded = appendString(encoded, c[name])
	}
	return encoded
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}
