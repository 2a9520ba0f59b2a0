package keyring

import (
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// upgrades are the steps from each earlier layout to the next.
var upgrades = map[int][]func(store.Writer, *crypt.RootKey) error{
	plainSchema:   {indexCMKs, buildLists},
	jsonSchema:    {splitCMKs, convertAliases},
	derivedSchema: {storeFingerprintKey, countVersions, numberVersions},
}

// upgrade upgrades a store of an earlier layout to schemaVersion. It runs in the transaction that opens the store, so a
// service that dies meanwhile leaves the store as it was.
func upgrade(w store.Writer, root *crypt.RootKey, schema int) error {
	for ; schema < schemaVersion; schema++ {
		for _, step := range upgrades[schema] {
			if err := step(w, root); err != nil {
				return err
			}
		}
	}
	return putSchema(w)
}

// eachIn visits the records below prefix, whose paths have a scope.
func eachIn(r store.Reader, prefix string, visit func(at location, value []byte) error) error {
	return r.Scan(prefix, "", func(path string, value []byte) (bool, error) {
		at, ok := locate(path, prefix)
		if !ok {
			return false, errNoScope(path)
		}
		return true, visit(at, value)
	})
}

func errNoScope(path string) error {
	return fmt.Errorf("record %s: it has no account or region", path)
}

// indexCMKs stores the states of all CMKs, and when time will change them.
func indexCMKs(w store.Writer, _ *crypt.RootKey) error {
	return eachIn(w, cmkPrefix, func(at location, value []byte) error {
		old, err := decode2[cmk2](at.path, value)
		if err != nil {
			return err
		}
		return newWriter(w, at.scope, time.Time{}).index(old.cmk())
	})
}

// buildLists counts all lists.
func buildLists(w store.Writer, _ *crypt.RootKey) error {
	for _, prefix := range []string{cmkPrefix, aliasPrefix, cmkAliasPrefix} {
		last := "/" // No path begins with it.
		err := eachIn(w, prefix, func(at location, _ []byte) error {
			if strings.HasPrefix(at.path, last) {
				return nil
			}
			records, ok := listOf(at.path)
			if !ok {
				return errNoScope(at.path)
			}
			last = records
			return list.Of(records).Build(w)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// splitCMKs gives earlier versions and tags records of their own.
func splitCMKs(w store.Writer, _ *crypt.RootKey) error {
	return eachIn(w, cmkPrefix, func(at location, value []byte) error {
		old, err := decode2[cmk2](at.path, value)
		if err != nil {
			return err
		}
		scoped := newWriter(w, at.scope, time.Time{})
		for _, version := range old.earlier() {
			if err := scoped.putEarlier(at.name, version); err != nil {
				return err
			}
		}
		if err := scoped.PutTags(at.name, old.Tags); err != nil {
			return err
		}
		return w.Put(at.path, encode(old.cmk()))
	})
}

// convertAliases writes aliases in the current form.
func convertAliases(w store.Writer, _ *crypt.RootKey) error {
	return eachIn(w, aliasPrefix, func(at location, value []byte) error {
		old, err := decode2[alias2](at.path, value)
		if err != nil {
			return err
		}
		alias := old.alias(kmsapi.AliasPrefix + at.name)
		return w.Put(at.path, encode(&alias))
	})
}

// countVersions counts the versions that are not primary ones.
func countVersions(w store.Writer, _ *crypt.RootKey) error {
	return eachIn(w, cmkVersionPrefix, func(at location, _ []byte) error {
		return addToCount(w, at.scope.versionCountPath(), 1)
	})
}

// storeFingerprintKey stores the fingerprint key that was derived from the root key, so that fingerprints outlive the
// root key.
func storeFingerprintKey(w store.Writer, root *crypt.RootKey) error {
	key, err := root.DeriveFingerprintKey()
	if err != nil {
		return err
	}
	defer key.Clear()
	return putFingerprintKey(w, root, key)
}
