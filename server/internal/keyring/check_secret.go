package keyring

import (
	"errors"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// secret checks a secret, and that the records of its values exist.
func (c *checker) secret(at location, value []byte) {
	c.report.Secrets++
	c.noteList(at.path)
	secret, err := decodeSecret(at.path, at.name, value)
	if err != nil {
		c.problem("%v", err)
		return
	}
	if !kmsapi.IsSecretName(at.name) {
		c.problem("record %q: %q is not the name of a secret", at.path, at.name)
	}
	c.checkStages(at, secret)
	for _, version := range secret.Versions {
		if !c.exists(at.scope.secretValuePath(secret.Name, version.ID)) {
			c.problem("record %q: its version %s has no value", at.path, version.ID)
		}
	}
	if path := at.scope.secretDuePath(secret); !secret.DeleteDate.IsZero() && !c.exists(path) {
		c.problem("record %q: the record %q, by which the sweeper finds it, does not exist", at.path, path)
	}
}

// checkStages checks that each stage is on an existing version, and that there is a current version.
func (c *checker) checkStages(at location, secret *Secret) {
	versions := map[string]bool{}
	for _, version := range secret.Versions {
		if versions[version.ID] {
			c.problem("record %q: it has version %s twice", at.path, version.ID)
		}
		versions[version.ID] = true
	}
	if secret.Stages[kmsapi.StageCurrent] == "" {
		c.problem("record %q: it has no current version", at.path)
	}
	for stage, version := range secret.Stages {
		if !versions[version] {
			c.problem("record %q: its stage %s is on version %s, which does not exist", at.path, stage, version)
		}
	}
	if n := len(secret.Versions); n > kmsapi.MaxSecretVersions || len(secret.Stages) > kmsapi.MaxSecretStages {
		c.problem("record %q: it has %d versions and %d stages", at.path, n, len(secret.Stages))
	}
}

// secretOf reads the secret called name, which the record at refers to.
func (c *checker) secretOf(at location, name string) (*Secret, bool) {
	path := at.scope.secretPath(name)
	value, err := c.reader.Get(path)
	if err != nil {
		c.problem("record %q: its secret %q does not exist", at.path, name)
		return nil, false
	}
	secret, err := decodeSecret(path, name, value)
	return secret, err == nil // A record that does not decode is reported under its own path.
}

// secretValue opens a value. If the CMK of its secret is gone or has no material now, the value can't be opened, which
// is not a problem.
func (c *checker) secretValue(at location, stored []byte) {
	name, id, _ := strings.Cut(at.name, ":")
	var value SecretValue
	if err := decode(at.path, stored, &value); err != nil {
		c.problem("%v", err)
		return
	}
	secret, ok := c.secretOf(at, name)
	if !ok {
		return
	}
	if _, ok := secret.Version(id); !ok {
		c.problem("record %q: its secret %q has no such version", at.path, name)
		return
	}
	by, ok := c.valueKey(at, secret, value)
	if !ok {
		return
	}
	plaintext, err := openValue(c.root, at.scope.valueBound(name, id, value.DataType), at.scope, value, by)
	if err != nil {
		c.problem("record %q: its value does not open: %v", at.path, err)
		return
	}
	clear(plaintext)
	c.report.SecretValues++
}

// valueKey returns the key that has sealed a value. ok is false if that key no longer exists.
func (c *checker) valueKey(at location, secret *Secret, value SecretValue) (by ValueKey, ok bool) {
	if value.KeyVersionID == "" {
		return by, true
	}
	reader := Reader{store: c.reader, scope: at.scope}
	cmk, err := reader.stored(secret.KeyID)
	if err != nil || !cmk.Lifecycle.HasMaterial {
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			c.problem("record %q: its key %s: %v", at.path, secret.KeyID, err)
		}
		return by, false
	}
	version, err := reader.Version(cmk, value.KeyVersionID)
	if err != nil {
		c.problem("record %q: its key %s has no version %s", at.path, secret.KeyID, value.KeyVersionID)
		return by, false
	}
	return ValueKey{CMK: cmk, Version: version}, true
}

func (c *checker) secretTags(at location, value []byte) {
	if c.checkTags(at, value) {
		c.secretOf(at, at.name)
	}
}

// secretDue checks a record by which the sweeper finds a secret.
func (c *checker) secretDue(at location, _ []byte) {
	when, rest, _ := strings.Cut(at.name, "/")
	of, ok := locate(secretPrefix+rest, secretPrefix)
	if !ok {
		c.unknownKind(at.path)
		return
	}
	secret, ok := c.secretOf(location{path: at.path, scope: of.scope}, of.name)
	if ok && (secret.DeleteDate.IsZero() || of.scope.secretDuePath(secret) != at.path) {
		c.problem("record %q: its secret %s is not to be deleted at %s", at.path, of.name, when)
	}
}

// rekeySecretValue wraps a value by root, unless it is sealed by a CMK.
func (k *Keyring) rekeySecretValue(at location, stored []byte, root *crypt.RootKey) ([]byte, error) {
	name, id, _ := strings.Cut(at.name, ":")
	var value SecretValue
	if err := decode(at.path, stored, &value); err != nil {
		return nil, err
	}
	if value.KeyVersionID != "" {
		return stored, nil
	}
	var err error
	bound := at.scope.valueBound(name, id, value.DataType)
	if value.Sealed, err = k.root.Rewrap(root, bound, crypt.KindSecretValue, value.Sealed); err != nil {
		return nil, err
	}
	return encode(&value), nil
}
