package crypt

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	versionIDSize = 36
	blobHeader    = versionIDSize + 1
	// blobLabel distinguishes blobs from everything else that is sealed. No label is a prefix of another.
	blobLabel = "alicloudkms blob v1\x00"
)

// Seal encrypts plaintext with m, the key of the version versionID, and binds c to it. The package comment has the
// layout of the blob, which is 77 bytes longer than plaintext with an AES key, and 69 with an SM4 key.
func (m *Material) Seal(versionID string, plaintext []byte, c kmsapi.EncryptionContext) ([]byte, error) {
	if !IsVersionID(versionID) {
		return nil, fmt.Errorf("%q is not the id of a key version", versionID)
	}
	return m.key.seal(blobLabel, append([]byte(versionID), m.key.scheme.format), plaintext, c.AppendCanonical(nil))
}

// Open returns the plaintext of a blob that m sealed with the same context. For any other blob the error is [ErrOpen].
func (m *Material) Open(blob []byte, c kmsapi.EncryptionContext) ([]byte, error) {
	if _, err := BlobVersionID(blob); err != nil {
		return nil, err
	}
	if blob[versionIDSize] != m.key.scheme.format {
		return nil, ErrOpen
	}
	return m.key.open(blobLabel, blob, blobHeader, c.AppendCanonical(nil))
}

// BlobVersionID returns the id of the key version that a blob names, so that the caller can find the key. Only the form
// of the blob is checked: its sender may have put any id there. The error is [ErrOpen].
func BlobVersionID(blob []byte) (string, error) {
	if len(blob) < blobHeader {
		return "", ErrOpen
	}
	s, ok := schemeOfFormat(blob[versionIDSize])
	if !ok || len(blob) < blobHeader+s.nonceSize+tagSize {
		return "", ErrOpen
	}
	id := string(blob[:versionIDSize])
	if !IsVersionID(id) {
		return "", ErrOpen
	}
	return id, nil
}
