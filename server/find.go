package server

import (
	"errors"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// A finder reads the CMK that a request names: which operations take an alias, and which a ciphertext, is told by the
// finder they use. It runs in the operation's own transaction, so name and CMK belong together.
type finder func(r store.Reader, c *call) (*cmkRecord, error)

// byID is for the operations that take a CMK's id and no alias.
func byID(keyID string) finder {
	return func(r store.Reader, c *call) (*cmkRecord, error) {
		if isAlias(keyID) {
			return nil, kmsapi.ErrUnsupportedAlias
		}
		return getCMK(r, c, keyID)
	}
}

// byAlias is for an alias.
func byAlias(name string) finder {
	return func(r store.Reader, c *call) (*cmkRecord, error) {
		_, record, err := findAlias(r, c, name)
		if err != nil {
			return nil, err
		}
		c.keyID = record.KeyID
		return record, nil
	}
}

// byIDOrAlias is for the operations that take both.
func byIDOrAlias(keyID string) finder {
	if isAlias(keyID) {
		return byAlias(keyID)
	}
	return byID(keyID)
}

// byVersion is for a ciphertext, which names a version of its CMK.
func byVersion(versionID string) finder {
	return func(r store.Reader, c *call) (*cmkRecord, error) {
		keyID, err := r.Get(versionPath(c.Scope, versionID))
		if errors.Is(err, store.ErrNotFound) {
			return nil, c.absent(kmsapi.ErrKeyNotFound)
		}
		if err != nil {
			return nil, err
		}
		return getCMK(r, c, string(keyID))
	}
}

func isAlias(keyID string) bool { return strings.HasPrefix(keyID, kmsapi.AliasPrefix) }

// forUse finds the CMK and checks that op may run in its state.
func (find finder) forUse(r store.Reader, c *call, op kmsapi.Operation) (*cmkRecord, error) {
	record, err := find(r, c)
	if err != nil {
		return nil, err
	}
	if err := record.allows(op, c.now); err != nil {
		return nil, err
	}
	return record, nil
}
