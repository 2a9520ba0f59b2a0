package keyring

import (
	"errors"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Alias is a name of a CMK.
//
// It is stored under its name. An entry without a value is stored under the CMK's id and the alias's name, so that the
// aliases of one CMK are found without reading all aliases. Both are always written and deleted together.
type Alias struct {
	// Name has the prefix [kmsapi.AliasPrefix]. It is in the record's path and not in its value.
	Name         string
	KeyID        string
	CreationDate time.Time
}

// fields implements [record].
func (a *Alias) fields(f *codec) {
	str(f, 1, &a.KeyID)
	f.time(2, &a.CreationDate)
}

// Alias returns the alias called name and its CMK, or [kmsapi.ErrAliasNotFound]. Once the CMK is past its deletion
// date, its aliases are not found either.
func (r Reader) Alias(name string) (Alias, *CMK, error) {
	alias, err := r.storedAlias(name)
	if err != nil {
		return alias, nil, err
	}
	cmk, err := r.CMK(alias.KeyID)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return alias, nil, kmsapi.ErrAliasNotFound
	}
	return alias, cmk, err
}

// storedAlias returns the alias called name, even if its CMK is gone.
func (r Reader) storedAlias(name string) (Alias, error) {
	path := r.scope.aliasPath(name)
	value, err := r.store.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return Alias{}, kmsapi.ErrAliasNotFound
	}
	if err != nil {
		return Alias{}, err
	}
	return decodeAlias(path, name, value)
}

func decodeAlias(path, name string, value []byte) (Alias, error) {
	alias := Alias{Name: name}
	return alias, decode(path, value, &alias)
}

// Aliases returns a page of all aliases, in the order of their names. Pages are counted from 1.
func (r Reader) Aliases(number, size int) (Page[Alias], error) {
	gone, err := r.goneAliases()
	if err != nil {
		return Page[Alias]{}, err
	}
	return readPage(r.store, r.scope.aliases(), gone, number, size, func(name string, value []byte) (Alias, error) {
		return decodeAlias(r.scope.aliasPath(name), kmsapi.AliasPrefix+name, value)
	})
}

// AliasesOf returns a page of the aliases of a CMK, in the order of their names, without their creation dates. Pages
// are counted from 1.
func (r Reader) AliasesOf(keyID string, number, size int) (Page[Alias], error) {
	return readPage(r.store, r.scope.aliasesOf(keyID), nil, number, size, func(name string, _ []byte) (Alias, error) {
		return Alias{Name: kmsapi.AliasPrefix + name, KeyID: keyID}, nil
	})
}

// CountAliases returns the number of aliases.
func (r Reader) CountAliases() (int, error) {
	gone, err := r.goneAliases()
	if err != nil {
		return 0, err
	}
	recorded, err := r.scope.aliases().Len(r.store)
	return recorded - len(gone), err
}

// PutAlias stores an alias. If another CMK had an alias with that name, the alias moves.
func (w Writer) PutAlias(alias Alias) error {
	old, err := w.storedAlias(alias.Name)
	if err == nil {
		err = w.DeleteAlias(old)
	}
	if err != nil && !errors.Is(err, kmsapi.ErrAliasNotFound) {
		return err
	}
	if err := w.store.Put(w.scope.cmkAliasPath(alias.KeyID, alias.Name), nil); err != nil {
		return err
	}
	if err := w.store.Put(w.scope.aliasPath(alias.Name), encode(&alias)); err != nil {
		return err
	}
	name := withoutPrefix(alias.Name)
	return errors.Join(w.scope.aliasesOf(alias.KeyID).Add(w.store, name), w.scope.aliases().Add(w.store, name))
}

// DeleteAlias removes an alias, but not its CMK.
func (w Writer) DeleteAlias(alias Alias) error {
	if err := w.store.Delete(w.scope.cmkAliasPath(alias.KeyID, alias.Name)); err != nil {
		return err
	}
	if err := w.store.Delete(w.scope.aliasPath(alias.Name)); err != nil {
		return err
	}
	name := withoutPrefix(alias.Name)
	return errors.Join(w.scope.aliasesOf(alias.KeyID).Remove(w.store, name), w.scope.aliases().Remove(w.store, name))
}

func (w Writer) deleteAliasesOf(keyID string) error {
	prefix := w.scope.cmkAliasPath(keyID, "")
	return w.store.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		name := kmsapi.AliasPrefix + strings.TrimPrefix(path, prefix)
		return true, w.DeleteAlias(Alias{Name: name, KeyID: keyID})
	})
}
