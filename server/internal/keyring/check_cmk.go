package keyring

import (
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// checkedCMK is a CMK with the versions and tags that an old layout stores in its record.
type checkedCMK struct {
	*CMK
	earlier []Version
}

func (c *checker) decodeCMK(path, keyID string, value []byte) (checkedCMK, error) {
	if c.schema > jsonSchema {
		cmk, err := decodeCMK(path, keyID, value)
		return checkedCMK{CMK: cmk}, err
	}
	old, err := decode2[cmk2](path, value)
	return checkedCMK{old.cmk(), old.earlier()}, err
}

func (c *checker) decodeAlias(path, name string, value []byte) (Alias, error) {
	if c.schema > jsonSchema {
		return decodeAlias(path, name, value)
	}
	old, err := decode2[alias2](path, value)
	return old.alias(name), err
}

func (c *checker) cmk(at location, value []byte) {
	c.report.Keys++
	c.noteList(at.path)
	cmk, err := c.decodeCMK(at.path, at.name, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	c.checkIndex(at, cmk.CMK)
	switch cmk.Lifecycle.State {
	case kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport:
	default:
		c.problem("record %q: it is in a state that no key can be in", at.path)
	}
	if cmk.KeySpec == "" || cmk.KeyUsage == "" {
		c.problem("record %q: it has no key spec or key usage", at.path)
	}
	if !crypt.IsKeyID(at.name) {
		c.problem("record %q: %q is not the id of a key", at.path, at.name)
		return
	}
	if cmk.KeyID != at.name {
		c.problem("record %q: it says that it is key %q", at.path, cmk.KeyID)
		return
	}
	if cmk.InstanceID == "" && !crypt.IsUUID(at.name) {
		c.problem("record %q: its id is that of a key in a KMS instance, and it is in none", at.path)
	}
	if cmk.Default && !c.exists(at.scope.defaultPath(at.name)) {
		c.problem("record %q: it is a default key, and no record leads to it", at.path)
	}
	for _, v := range append(cmk.earlier, cmk.Primary) {
		c.checkVersion(at, cmk.CMK, v)
	}
	c.checkNumbers(at, cmk.CMK)
}

// checkVersion opens the material of a version, and checks the record that maps its id to the CMK.
func (c *checker) checkVersion(at location, cmk *CMK, v Version) {
	c.material(at, cmk, v)
	if owner, err := c.reader.Get(at.scope.versionPath(v.ID)); err != nil || string(owner) != cmk.KeyID {
		c.problem("record %q: the index does not lead from its version %s to it", at.path, v.ID)
	}
}

func (c *checker) material(at location, cmk *CMK, v Version) {
	switch {
	case cmk.Lifecycle.HasMaterial && len(v.Wrapped) == 0:
		c.problem("record %q: its version %s has no material", at.path, v.ID)
	case !cmk.Lifecycle.HasMaterial && len(v.Wrapped) > 0:
		c.problem("record %q: its version %s still has material that should be erased", at.path, v.ID)
	case cmk.KeySpec == "": // It is reported elsewhere, and is needed to open the material.
	case len(v.Wrapped) > 0:
		if err := c.open(at.scope, cmk, v); err != nil {
			c.problem("record %q: the material of its version %s does not open: %v", at.path, v.ID, err)
			return
		}
		c.report.Versions++
	}
}

// open opens the material of a version: a key pair if the CMK is asymmetric.
func (c *checker) open(scope Scope, cmk *CMK, v Version) error {
	if kmsapi.IsAsymmetric(cmk.KeySpec) {
		return openPair(c.root, scope, cmk, v)
	}
	material, err := openMaterial(c.root, scope, cmk, v)
	if err != nil {
		return err
	}
	material.Clear()
	return nil
}

// owner reads the CMK called keyID, which the record at refers to.
func (c *checker) owner(at location, keyID string) (checkedCMK, bool) {
	path := at.scope.cmkPath(keyID)
	value, err := c.reader.Get(path)
	if err != nil {
		c.problem("record %q: its key %q does not exist", at.path, keyID)
		return checkedCMK{}, false
	}
	cmk, err := c.decodeCMK(path, keyID, value)
	return cmk, err == nil // A record that does not decode is reported under its own path.
}

// earlier checks a version that is not the primary one.
func (c *checker) earlier(at location, value []byte) {
	if c.schema > derivedSchema {
		c.tally(at.scope.versionCountPath()).actual++
	}
	keyID, id, _ := strings.Cut(at.name, "/")
	version, err := decodeVersion(at.path, id, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	cmk, ok := c.owner(at, keyID)
	if !ok {
		return
	}
	if id == cmk.Primary.ID {
		c.problem("record %q: it is the primary version, which is in the record of its key", at.path)
		return
	}
	c.checkNumber(at, cmk.CMK, version)
	c.checkVersion(at, cmk.CMK, version)
}

// checkNumber checks the number of a version that is not the primary one, by which it is listed.
func (c *checker) checkNumber(at location, cmk *CMK, version Version) {
	if c.schema <= derivedSchema {
		return
	}
	if version.Number >= cmk.Primary.Number {
		c.problem("record %q: it was not made before the primary version of its key", at.path)
	}
	id, err := c.reader.Get(at.scope.numberPath(cmk.KeyID, version.Number))
	if err != nil || string(id) != version.ID {
		c.problem("record %q: the index does not lead from its number %d to it", at.path, version.Number)
	}
}

// version checks the record that maps a version to its CMK.
func (c *checker) version(at location, value []byte) {
	cmk, ok := c.owner(at, string(value))
	if !ok || at.name == cmk.Primary.ID || c.exists(at.scope.cmkVersionPath(cmk.KeyID, at.name)) {
		return
	}
	for _, v := range cmk.earlier {
		if v.ID == at.name {
			return
		}
	}
	c.problem("record %q: its key %s has no such version", at.path, cmk.KeyID)
}

func (c *checker) tags(at location, value []byte) {
	if c.checkTags(at, value) {
		c.owner(at, at.name)
	}
}

// checkTags checks a record of tags, and reports whether it could be read.
func (c *checker) checkTags(at location, value []byte) bool {
	tags := Tags{}
	if err := decode(at.path, value, tags); err != nil {
		c.problem("%v", err)
		return false
	}
	if n := len(tags); n == 0 || n > kmsapi.MaxTags {
		c.problem("record %q: it has %d tags", at.path, n)
	}
	return true
}

// defaultCMK checks the record of a default key.
func (c *checker) defaultCMK(at location, _ []byte) {
	if cmk, ok := c.owner(at, at.name); ok && !cmk.Default {
		c.problem("record %q: its key is not a default key", at.path)
	}
}

func (c *checker) alias(at location, value []byte) {
	c.noteList(at.path)
	alias, err := c.decodeAlias(at.path, kmsapi.AliasPrefix+at.name, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	if _, ok := c.owner(at, alias.KeyID); !ok {
		return
	}
	if !c.exists(at.scope.cmkAliasPath(alias.KeyID, alias.Name)) {
		c.problem("record %q: the index does not lead from its key %s to it", at.path, alias.KeyID)
	}
}

func (c *checker) cmkAlias(at location, _ []byte) {
	c.noteList(at.path)
	keyID, name, _ := strings.Cut(at.name, "/")
	name = kmsapi.AliasPrefix + name
	path := at.scope.aliasPath(name)
	value, err := c.reader.Get(path)
	if err == nil {
		var alias Alias
		if alias, err = c.decodeAlias(path, name, value); err == nil && alias.KeyID == keyID {
			return
		}
	}
	c.problem("record %q: the alias %s does not name this key", at.path, name)
}

func (c *checker) exists(path string) bool {
	_, err := c.reader.Get(path)
	return err == nil
}
