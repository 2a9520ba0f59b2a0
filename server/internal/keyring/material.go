package keyring

import (
	"crypto/hmac"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// Attributes are what a CMK is made with.
type Attributes struct {
	Description     string
	ProtectionLevel kmsapi.ProtectionLevel
	Origin          kmsapi.Origin
}

// NewCMK makes a CMK of scope, which [Writer.AddCMK] stores. With origin EXTERNAL its version has no material until
// some is imported.
func (k *Keyring) NewCMK(scope Scope, now time.Time, a Attributes) (*CMK, error) {
	version := Version{ID: uuid.NewString(), CreationDate: now}
	cmk := &CMK{
		KeyID:           uuid.NewString(),
		Description:     a.Description,
		ProtectionLevel: a.ProtectionLevel,
		CreationDate:    now,
		Lifecycle:       keystate.New(a.Origin),
		PrimaryVersion:  version.ID,
	}
	if a.Origin == kmsapi.OriginKMS {
		var err error
		if version.Wrapped, err = k.wrapNew(scope.materialPath(cmk.KeyID, version.ID)); err != nil {
			return nil, err
		}
	}
	cmk.Versions = []Version{version}
	return cmk, nil
}

// wrapNew makes new key material, and wraps it for path.
func (k *Keyring) wrapNew(path string) ([]byte, error) {
	material, err := crypt.NewMaterial(k.rand)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	return k.root.Wrap(path, material)
}

// Material unwraps the key material of a version. The caller clears it.
func (k *Keyring) Material(scope Scope, cmk *CMK, versionID string) (*crypt.Material, error) {
	version, ok := cmk.version(versionID)
	if !ok {
		return nil, fmt.Errorf("CMK %s has no version %s", cmk.KeyID, versionID)
	}
	return k.root.Unwrap(scope.materialPath(cmk.KeyID, versionID), version.Wrapped)
}

// SetMaterial gives a CMK imported material, if that is intact and the same as in any import before. Otherwise it
// returns [kmsapi.ErrInvalidKeyMaterial], in one place and after the same work for both reasons, so that a caller can't
// learn which it was: once a CMK has had material, an answer reveals no more than whether exactly that material was
// sent.
func (k *Keyring) SetMaterial(scope Scope, cmk *CMK, material *crypt.Material, intact bool) error {
	version, ok := cmk.version(cmk.PrimaryVersion)
	if !ok {
		return fmt.Errorf("CMK %s has no version %s", cmk.KeyID, cmk.PrimaryVersion)
	}
	path := scope.materialPath(cmk.KeyID, version.ID)
	fingerprint, err := k.root.Fingerprint(path, material)
	if err != nil {
		return err
	}
	same := version.Fingerprint == nil || hmac.Equal(version.Fingerprint, fingerprint)
	if !intact || !same {
		return kmsapi.ErrInvalidKeyMaterial
	}
	version.Fingerprint = fingerprint
	version.Wrapped, err = k.root.Wrap(path, material)
	return err
}

// SealToken encrypts the content of an import token, so that it opens in scope alone.
func (k *Keyring) SealToken(scope Scope, content []byte) ([]byte, error) {
	return k.root.SealToken(scope.path(), content)
}

// OpenToken returns the content of a token that SealToken made in scope, or an error that wraps [crypt.ErrOpen].
func (k *Keyring) OpenToken(scope Scope, token []byte) ([]byte, error) {
	return k.root.OpenToken(scope.path(), token)
}
