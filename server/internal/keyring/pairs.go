package keyring

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// NewPairVersion makes a version of an asymmetric CMK, which [Writer.AddVersion] stores. The caller clears pair.
func (k *Keyring) NewPairVersion(scope Scope, now time.Time, keyID string, pair *asymmetric.Key) (Version, error) {
	version := Version{ID: crypt.NewVersionID(keyID), CreationDate: now}
	return version, k.setPair(scope, keyID, &version, pair)
}

// setPair wraps a key pair for a version.
func (k *Keyring) setPair(scope Scope, keyID string, version *Version, pair *asymmetric.Key) error {
	path := scope.materialPath(keyID, version.ID)
	private, err := pair.PKCS8()
	if err != nil {
		return err
	}
	defer clear(private)
	public, err := pair.SPKI()
	if err != nil {
		return err
	}
	if version.Wrapped, err = k.root.WrapBytes(path, crypt.KindPrivateKey, private); err != nil {
		return err
	}
	version.WrappedPublic, err = k.root.WrapBytes(path, crypt.KindPublicKey, public)
	return err
}

// SetPair gives a CMK an imported key pair, if it is the same as in any earlier import. Otherwise it returns
// [kmsapi.ErrInvalidKeyMaterial]. The caller clears pair.
func (k *Keyring) SetPair(scope Scope, cmk *CMK, pair *asymmetric.Key) error {
	public, err := pair.SPKI()
	if err != nil {
		return err
	}
	version := &cmk.Primary
	fingerprint, err := k.fingerprints.OfPublicKey(scope.materialPath(cmk.KeyID, version.ID), public)
	if err != nil {
		return err
	}
	if version.Fingerprint != nil && !hmac.Equal(version.Fingerprint, fingerprint) {
		return kmsapi.ErrInvalidKeyMaterial
	}
	version.Fingerprint = fingerprint
	return k.setPair(scope, cmk.KeyID, version, pair)
}

// PrivateKey unwraps the private key of a version of an asymmetric CMK. The caller clears it.
func (k *Keyring) PrivateKey(scope Scope, cmk *CMK, version Version) (*asymmetric.Key, error) {
	return privateKey(k.root, scope, cmk, version)
}

func privateKey(root *crypt.RootKey, scope Scope, cmk *CMK, version Version) (*asymmetric.Key, error) {
	encoded, err := root.UnwrapBytes(scope.materialPath(cmk.KeyID, version.ID), crypt.KindPrivateKey, version.Wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	return asymmetric.Parse(cmk.KeySpec, encoded)
}

// PublicDER returns the public key of a version of an asymmetric CMK as a SubjectPublicKeyInfo.
func (k *Keyring) PublicDER(scope Scope, cmk *CMK, version Version) ([]byte, error) {
	return publicDER(k.root, scope, cmk, version)
}

func publicDER(root *crypt.RootKey, scope Scope, cmk *CMK, version Version) ([]byte, error) {
	return root.UnwrapBytes(scope.materialPath(cmk.KeyID, version.ID), crypt.KindPublicKey, version.WrappedPublic)
}

// PublicKey is [Keyring.PublicDER], parsed.
func (k *Keyring) PublicKey(scope Scope, cmk *CMK, version Version) (*asymmetric.Public, error) {
	der, err := k.PublicDER(scope, cmk, version)
	if err != nil {
		return nil, err
	}
	return asymmetric.ParsePublic(cmk.KeySpec, der)
}

// errOtherPair reports a public key that does not belong to the private key in the same record.
var errOtherPair = errors.New("its public key is another's")

// openPair checks that both keys of a version open and belong together.
func openPair(root *crypt.RootKey, scope Scope, cmk *CMK, version Version) error {
	private, err := privateKey(root, scope, cmk, version)
	if err != nil {
		return err
	}
	defer private.Clear()
	recorded, err := publicDER(root, scope, cmk, version)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	own, err := private.SPKI()
	if err == nil && string(own) != string(recorded) {
		err = errOtherPair
	}
	return err
}
