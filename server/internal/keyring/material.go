package keyring

import (
	"cmp"
	"crypto/hmac"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// Attributes are the attributes of a new CMK.
type Attributes struct {
	Description     string
	ProtectionLevel kmsapi.ProtectionLevel
	Origin          kmsapi.Origin
	// KeySpec and KeyUsage default to those of the API reference. KeyPair is the first key pair of an asymmetric CMK
	// whose origin is not EXTERNAL, and nil for any other CMK.
	KeySpec, KeyUsage string
	KeyPair           *asymmetric.Key
	// InstanceID is the KMS instance that the CMK is in, and IDLetters the letters that the instance adds to the CMK's
	// id; both are empty if it is in none.
	InstanceID, IDLetters string
	// Policy is [CMK.Policy].
	Policy string
	// Default marks the account's default key.
	Default bool
	// RotationInterval is how often the CMK is rotated automatically; zero means never.
	RotationInterval time.Duration
}

// NewCMK makes a CMK in scope, which [Writer.AddCMK] stores. With origin EXTERNAL its version has no material until
// some is imported.
func (k *Keyring) NewCMK(scope Scope, now time.Time, a Attributes) (*CMK, error) {
	cmk := &CMK{
		KeyID:           crypt.NewKeyID(a.IDLetters),
		CreationDate:    now,
		Description:     a.Description,
		KeySpec:         cmp.Or(a.KeySpec, kmsapi.KeySpecAES256),
		KeyUsage:        cmp.Or(a.KeyUsage, kmsapi.KeyUsageEncryptDecrypt),
		ProtectionLevel: a.ProtectionLevel,
		Lifecycle:       keystate.New(a.Origin),
		InstanceID:      a.InstanceID,
		Policy:          a.Policy,
		Default:         a.Default,

		RotationInterval: a.RotationInterval,
	}
	if a.Origin == kmsapi.OriginExternal {
		cmk.Primary = Version{ID: crypt.NewVersionID(cmk.KeyID), CreationDate: now}
		return cmk, nil
	}
	var err error
	cmk.Primary, err = k.newVersion(scope, now, cmk, a.KeyPair)
	return cmk, err
}

func (k *Keyring) newVersion(scope Scope, now time.Time, cmk *CMK, pair *asymmetric.Key) (Version, error) {
	if pair != nil {
		return k.NewPairVersion(scope, now, cmk.KeyID, pair)
	}
	return k.NewVersion(scope, now, cmk)
}

// NewVersion makes a version of a symmetric CMK with new key material, which [Writer.AddVersion] stores. Only the id
// and the KeySpec of the CMK are used, neither of which ever changes.
func (k *Keyring) NewVersion(scope Scope, now time.Time, cmk *CMK) (Version, error) {
	version := Version{ID: crypt.NewVersionID(cmk.KeyID), CreationDate: now}
	material, err := crypt.NewMaterial(cmk.KeySpec, k.rand)
	if err != nil {
		return version, err
	}
	defer material.Clear()
	version.Wrapped, err = k.root.Wrap(scope.materialPath(cmk.KeyID, version.ID), material)
	return version, err
}

// Material unwraps the key material of a version of a symmetric CMK. The caller clears it.
func (k *Keyring) Material(scope Scope, cmk *CMK, version Version) (*crypt.Material, error) {
	return openMaterial(k.root, scope, cmk, version)
}

func openMaterial(root *crypt.RootKey, scope Scope, cmk *CMK, version Version) (*crypt.Material, error) {
	return root.Unwrap(scope.materialPath(cmk.KeyID, version.ID), cmk.KeySpec, version.Wrapped)
}

// SetMaterial gives a CMK imported material, if the material is intact and the same as in any earlier import. Otherwise
// it returns [kmsapi.ErrInvalidKeyMaterial], from one place and after the same work for both reasons, so that a caller
// can't learn the reason: once a CMK has had material, an answer reveals no more than whether exactly that material was
// sent.
func (k *Keyring) SetMaterial(scope Scope, cmk *CMK, material *crypt.Material, intact bool) error {
	version := &cmk.Primary
	path := scope.materialPath(cmk.KeyID, version.ID)
	fingerprint, err := k.fingerprints.Of(path, material)
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

// SealToken encrypts the content of an import token, which then opens only in scope.
func (k *Keyring) SealToken(scope Scope, content []byte) ([]byte, error) {
	return k.root.SealToken(scope.path(), content)
}

// OpenToken returns the content of a token that SealToken made in scope, or an error that wraps [crypt.ErrOpen].
func (k *Keyring) OpenToken(scope Scope, token []byte) ([]byte, error) {
	return k.root.OpenToken(scope.path(), token)
}
