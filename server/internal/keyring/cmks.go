package keyring

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// CMK returns the CMK called keyID, or [kmsapi.ErrKeyNotFound].
func (r Reader) CMK(keyID string) (*CMK, error) {
	if !crypt.IsKeyID(keyID) {
		return nil, kmsapi.ErrKeyNotFound
	}
	cmk, err := r.stored(keyID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, kmsapi.ErrKeyNotFound
	}
	if err != nil {
		return nil, err
	}
	if gone := cmk.settle(r.now); gone {
		return nil, kmsapi.ErrKeyNotFound
	}
	return cmk, nil
}

// stored returns a CMK as it was last written, without the changes that time has made since, or [store.ErrNotFound].
func (r Reader) stored(keyID string) (*CMK, error) {
	path := r.scope.cmkPath(keyID)
	value, err := r.store.Get(path)
	if err != nil {
		return nil, err
	}
	return decodeCMK(path, keyID, value)
}

// CMKs returns a page of the ids of all CMKs, in their order. Pages are counted from 1.
func (r Reader) CMKs(number, size int) (Page[string], error) {
	gone, err := r.goneCMKs()
	if err != nil {
		return Page[string]{}, err
	}
	id := func(keyID string, _ []byte) (string, error) { return keyID, nil }
	return readPage(r.store, r.scope.cmks(), gone, number, size, id)
}

// CountCMKs returns the number of CMKs in any state.
func (r Reader) CountCMKs() (int, error) {
	gone, err := r.goneCMKs()
	if err != nil {
		return 0, err
	}
	recorded, err := r.scope.cmks().Len(r.store)
	return recorded - len(gone), err
}

// CountSpecs returns the number of CMKs, in all scopes, whose KeySpec accepts returns true for. It reads all CMKs.
func (k *Keyring) CountSpecs(ctx context.Context, accepts func(spec string) bool) (n int, err error) {
	err = k.store.View(ctx, func(r store.Reader) error {
		n = 0
		return eachIn(r, cmkPrefix, func(at location, value []byte) error {
			cmk, err := decodeCMK(at.path, at.name, value)
			if err == nil && accepts(cmk.KeySpec) {
				n++
			}
			return errors.Join(err, ctx.Err())
		})
	})
	return n, err
}

// AddCMK stores a new CMK and its index records.
func (w Writer) AddCMK(cmk *CMK) error {
	w.changed[cmk.KeyID] = true
	if err := w.store.Put(w.scope.versionPath(cmk.Primary.ID), []byte(cmk.KeyID)); err != nil {
		return err
	}
	if err := w.store.Put(w.scope.cmkPath(cmk.KeyID), encode(cmk)); err != nil {
		return err
	}
	return errors.Join(w.scope.cmks().Add(w.store, cmk.KeyID), w.index(cmk), w.indexDefault(cmk))
}

// PutCMK stores a CMK that has changed. If it no longer has material, the material of its earlier versions is removed
// too.
func (w Writer) PutCMK(cmk *CMK) error {
	before, err := w.stored(cmk.KeyID)
	if err != nil {
		return err
	}
	if err := w.store.Put(w.scope.cmkPath(cmk.KeyID), encode(cmk)); err != nil {
		return err
	}
	if before.Lifecycle == cmk.Lifecycle && before.rotationDue().Equal(cmk.rotationDue()) {
		return nil
	}
	w.changed[cmk.KeyID] = true
	if before.Lifecycle.HasMaterial && !cmk.Lifecycle.HasMaterial {
		if err := w.eraseEarlier(cmk.KeyID); err != nil {
			return err
		}
	}
	return errors.Join(w.unindex(before), w.index(cmk))
}

// deleteCMK removes a CMK with everything that belongs to it.
func (w Writer) deleteCMK(cmk *CMK) error {
	w.changed[cmk.KeyID] = true
	return errors.Join(
		w.deleteAliasesOf(cmk.KeyID),
		w.deleteVersions(cmk),
		w.PutTags(cmk.KeyID, nil),
		w.store.Delete(w.scope.defaultPath(cmk.KeyID)),
		w.store.Delete(w.scope.cmkPath(cmk.KeyID)),
		w.scope.cmks().Remove(w.store, cmk.KeyID),
		w.unindex(cmk))
}
