package keyring

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// OwnerOf returns the id of the CMK that a version belongs to, or [kmsapi.ErrKeyNotFound].
func (r Reader) OwnerOf(versionID string) (keyID string, err error) {
	value, err := r.store.Get(r.scope.versionPath(versionID))
	if errors.Is(err, store.ErrNotFound) {
		return "", kmsapi.ErrKeyNotFound
	}
	return string(value), err
}

// Version returns the version of a CMK called id, for which [Reader.OwnerOf] has returned the CMK.
func (r Reader) Version(cmk *CMK, id string) (Version, error) {
	if id == cmk.Primary.ID {
		return cmk.Primary, nil
	}
	path := r.scope.cmkVersionPath(cmk.KeyID, id)
	value, err := r.store.Get(path)
	if err != nil {
		return Version{}, fmt.Errorf("version %s of key %s: %w", id, cmk.KeyID, err)
	}
	version, err := decodeVersion(path, id, value)
	if !cmk.Lifecycle.HasMaterial {
		version.erase()
	}
	return version, err
}

// VersionOf returns the version of a CMK called id, or [kmsapi.ErrKeyVersionNotFound].
func (r Reader) VersionOf(cmk *CMK, id string) (Version, error) {
	if !crypt.IsVersionID(id) {
		return Version{}, kmsapi.ErrKeyVersionNotFound
	}
	version, err := r.Version(cmk, id)
	if errors.Is(err, store.ErrNotFound) {
		err = kmsapi.ErrKeyVersionNotFound
	}
	return version, err
}

// CountAddedVersions returns how many versions the CMKs of the scope have, not counting the first of each.
func (r Reader) CountAddedVersions() (int, error) {
	path := r.scope.versionCountPath()
	value, err := r.store.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return parseCount(path, value)
}

func decodeVersion(path, id string, value []byte) (Version, error) {
	version := Version{ID: id}
	return version, decode(path, value, &version)
}

// AddVersion makes version the primary one of a CMK, and stores both. The previous primary version can still decrypt.
func (w Writer) AddVersion(cmk *CMK, version Version) error {
	if err := errors.Join(w.putEarlier(cmk.KeyID, cmk.Primary), w.putNumber(cmk.KeyID, cmk.Primary)); err != nil {
		return err
	}
	if err := w.store.Put(w.scope.versionPath(version.ID), []byte(cmk.KeyID)); err != nil {
		return err
	}
	version.Number = cmk.Primary.Number + 1
	cmk.Primary = version
	return errors.Join(addToCount(w.store, w.scope.versionCountPath(), 1), w.PutCMK(cmk))
}

// putEarlier stores a version that is not the primary one.
func (w Writer) putEarlier(keyID string, version Version) error {
	return w.store.Put(w.scope.cmkVersionPath(keyID, version.ID), encode(&version))
}

// eachEarlier visits the versions of a CMK that are not the primary one, in the order of their ids.
func (r Reader) eachEarlier(keyID string, visit func(Version) error) error {
	prefix := r.scope.cmkVersionPath(keyID, "")
	return r.store.Scan(prefix, "", func(path string, value []byte) (bool, error) {
		version, err := decodeVersion(path, strings.TrimPrefix(path, prefix), value)
		if err != nil {
			return false, err
		}
		return true, visit(version)
	})
}

// eraseEarlier removes the material of the versions that are not the primary one.
func (w Writer) eraseEarlier(keyID string) error {
	return w.eachEarlier(keyID, func(version Version) error {
		version.erase()
		return w.putEarlier(keyID, version)
	})
}

// deleteVersions removes all versions of a CMK except for the primary one, which is in the CMK's record, and the index
// records of all versions.
func (w Writer) deleteVersions(cmk *CMK) error {
	if err := w.store.Delete(w.scope.versionPath(cmk.Primary.ID)); err != nil {
		return err
	}
	return w.eachEarlier(cmk.KeyID, func(version Version) error {
		return errors.Join(
			w.store.Delete(w.scope.versionPath(version.ID)),
			w.store.Delete(w.scope.cmkVersionPath(cmk.KeyID, version.ID)),
			w.store.Delete(w.scope.numberPath(cmk.KeyID, version.Number)),
			addToCount(w.store, w.scope.versionCountPath(), -1))
	})
}
