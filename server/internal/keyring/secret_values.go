package keyring

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// SecretValue is the sealed value of a version of a secret. It is bound to account, region, secret, version and data
// type, so a record that is moved or swapped does not open.
type SecretValue struct {
	DataType string
	// KeyVersionID is the version of the secret's CMK that has sealed it, or empty if the root key has.
	KeyVersionID string
	Sealed       []byte
}

// fields implements [record].
func (v *SecretValue) fields(f *codec) {
	str(f, 1, &v.DataType)
	str(f, 2, &v.KeyVersionID)
	f.bytes(3, &v.Sealed)
}

// valueBound is the associated data that a value is sealed with. It is unambiguous, since names and version ids have no
// colon.
func (s Scope) valueBound(name, versionID, dataType string) string {
	return s.secretValuePath(name, versionID) + ":" + dataType
}

// A ValueKey seals and opens values of secrets: it is a version of a CMK. The zero value is the root key.
type ValueKey struct {
	CMK     *CMK
	Version Version
}

// SealValue seals the value of a version of a secret.
func (k *Keyring) SealValue(scope Scope, name, versionID, dataType, text string, by ValueKey) (SecretValue, error) {
	value := SecretValue{DataType: dataType, KeyVersionID: by.Version.ID}
	bound, plaintext := scope.valueBound(name, versionID, dataType), []byte(text)
	defer clear(plaintext)
	var err error
	if by.CMK == nil {
		value.Sealed, err = k.root.WrapBytes(bound, crypt.KindSecretValue, plaintext)
		return value, err
	}
	material, err := k.Material(scope, by.CMK, by.Version)
	if err != nil {
		return value, err
	}
	defer material.Clear()
	value.Sealed, err = material.SealValue(bound, plaintext)
	return value, err
}

// OpenValue returns the value of a version of a secret, which the caller clears.
func (k *Keyring) OpenValue(scope Scope, name, versionID string, value SecretValue, by ValueKey) ([]byte, error) {
	plaintext, err := openValue(k.root, scope.valueBound(name, versionID, value.DataType), scope, value, by)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", scope.secretValuePath(name, versionID), err)
	}
	return plaintext, nil
}

func openValue(root *crypt.RootKey, bound string, scope Scope, value SecretValue, by ValueKey) ([]byte, error) {
	if value.KeyVersionID == "" {
		return root.UnwrapBytes(bound, crypt.KindSecretValue, value.Sealed)
	}
	material, err := openMaterial(root, scope, by.CMK, by.Version)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	return material.OpenValue(bound, value.Sealed)
}

// SecretValue returns the sealed value of an existing version of the secret.
func (r Reader) SecretValue(secret *Secret, versionID string) (value SecretValue, err error) {
	path := r.scope.secretValuePath(secret.Name, versionID)
	stored, err := r.store.Get(path)
	if err != nil {
		return value, fmt.Errorf("record %s: %w", path, err)
	}
	return value, decode(path, stored, &value)
}

func (w Writer) putValue(name, versionID string, value SecretValue) error {
	return w.store.Put(w.scope.secretValuePath(name, versionID), encode(&value))
}
