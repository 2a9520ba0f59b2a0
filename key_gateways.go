package alicloudkms

import (
	"encoding/base64"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// versionIDSize is the size of the id of a key version, with which a CiphertextBlob begins.
const versionIDSize = 36

// opensOver returns the connection over which to open a ciphertext of the key. It is c unless the ciphertext is of an
// earlier CMK in another KMS instance: a dedicated gateway knows only the CMKs of its own instance. Which CMK that is,
// the ciphertext says itself; this may be forged, and decides only where to ask.
func (e *keyEntry) opensOver(c *connection, blob string) *connection {
	if len(e.earlier) == 0 || c.dedicated == nil {
		return c
	}
	if row := e.rowLike(blob); row != nil {
		return c.of(e.cmkCalled(row.CMK).Instance)
	}
	return c
}

// rowLike returns the newest row with the CMK version that a ciphertext names, and nil if there is none.
func (e *keyEntry) rowLike(blob string) *versions.Row {
	id := versionIDOf(blob)
	for n := e.versions.Newest(); n >= e.versions.First; n-- {
		row := e.versions.Row(n)
		if id != "" && (row.KeyVersionID == id || row.IsDataKey() && versionIDOf(row.WrappedKey) == id) {
			return row
		}
	}
	return nil
}

// versionIDOf returns the key version id at the beginning of a CiphertextBlob, and "" if there is none.
func versionIDOf(blob string) string {
	size := base64.StdEncoding.EncodedLen(versionIDSize)
	if len(blob) < size {
		return ""
	}
	id, err := base64.StdEncoding.DecodeString(blob[:size])
	if err != nil {
		return ""
	}
	return string(id)
}
