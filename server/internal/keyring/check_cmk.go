package keyring

import (
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

func (c *checker) cmk(at location, value []byte) {
	c.report.Keys++
	c.noteList(at.path)
	cmk, err := decodeCMK(at.path, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	c.checkIndex(at, cmk)
	switch cmk.Lifecycle.State {
	case kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport:
	default:
		c.problem("record %q: it is in a state that no CMK can be in", at.path)
	}
	if cmk.KeyID != at.name || !crypt.IsUUID(at.name) {
		c.problem("record %q: it says that it is CMK %q", at.path, cmk.KeyID)
		return
	}
	if _, ok := cmk.version(cmk.PrimaryVersion); !ok {
		c.problem("record %q: its primary version %q is not among its versions", at.path, cmk.PrimaryVersion)
	}
	for _, v := range cmk.Versions {
		c.material(at, cmk, v)
		if owner, err := c.reader.Get(at.scope.versionPath(v.ID)); err != nil || string(owner) != cmk.KeyID {
			c.problem("record %q: the index does not lead from its version %s to it", at.path, v.ID)
		}
	}
}

// material opens the material of a version.
func (c *checker) material(at location, cmk *CMK, v Version) {
	switch {
	case cmk.Lifecycle.HasMaterial && len(v.Wrapped) == 0:
		c.problem("record %q: its version %s has no material", at.path, v.ID)
	case !cmk.Lifecycle.HasMaterial && len(v.Wrapped) > 0:
		c.problem("record %q: its version %s still has material that should be erased", at.path, v.ID)
	case len(v.Wrapped) > 0:
		material, err := c.root.Unwrap(at.scope.materialPath(cmk.KeyID, v.ID), v.Wrapped)
		if err != nil {
			c.problem("record %q: the material of its version %s does not open: %v", at.path, v.ID, err)
			return
		}
		material.Clear()
	}
}

// owner reads the CMK called keyID for a record that leads to it.
func (c *checker) owner(at location, keyID string) (*CMK, bool) {
	value, err := c.reader.Get(at.scope.cmkPath(keyID))
	if err != nil {
		c.problem("record %q: its CMK %q does not exist", at.path, keyID)
		return nil, false
	}
	cmk, err := decodeCMK(at.path, value)
	return cmk, err == nil // A record that does not decode is reported under its own path.
}

func (c *checker) version(at location, value []byte) {
	cmk, ok := c.owner(at, string(value))
	if !ok {
		return
	}
	if _, ok := cmk.version(at.name); !ok {
		c.problem("record %q: its CMK %s has no such version", at.path, cmk.KeyID)
	}
}

func (c *checker) alias(at location, value []byte) {
	c.noteList(at.path)
	alias, err := decodeAlias(at.path, kmsapi.AliasPrefix+at.name, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	if _, ok := c.owner(at, alias.KeyID); !ok {
		return
	}
	if !c.exists(at.scope.cmkAliasPath(alias.KeyID, alias.Name)) {
		c.problem("record %q: the index does not lead from its CMK %s to it", at.path, alias.KeyID)
	}
}

func (c *checker) cmkAlias(at location, _ []byte) {
	c.noteList(at.path)
	keyID, name, _ := strings.Cut(at.name, "/")
	name = kmsapi.AliasPrefix + name
	alias, err := Reader{store: c.reader, scope: at.scope}.storedAlias(name)
	if err != nil || alias.KeyID != keyID {
		c.problem("record %q: the alias %s does not name this CMK", at.path, name)
	}
}

func (c *checker) exists(path string) bool {
	_, err := c.reader.Get(path)
	return err == nil
}
