package server

import (
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The versions of the storage layout in doc.go.
const (
	// plainSchema has no lists, no counts of states and no due CMKs: whoever wanted to know looked at all records.
	plainSchema = 1
	// schemaVersion is the one that the service works with.
	schemaVersion = 2
)

// upgrade makes a store of plainSchema one of schemaVersion. It happens once, in the transaction that opens the store, so a
// service that dies in it leaves the store as it was.
func upgrade(w store.Writer) error {
	err := w.Scan(cmkPrefix, "", func(path string, value []byte) (bool, error) {
		at, ok := placeOf(path, cmkPrefix)
		if !ok {
			return false, fmt.Errorf("record %s: it has no account or region", path)
		}
		record, err := decodeCMK(path, value)
		if err != nil {
			return false, err
		}
		return true, enter(w, at.scope, record)
	})
	if err != nil {
		return err
	}
	for _, prefix := range []string{cmkPrefix, aliasPrefix, cmkAliasPrefix} {
		if err := buildLists(w, prefix); err != nil {
			return err
		}
	}
	return putSchema(w)
}

// buildLists counts all lists of a kind of record.
func buildLists(w store.Writer, prefix string) error {
	var last string
	return w.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		if last != "" && strings.HasPrefix(path, last) {
			return true, nil
		}
		found, ok := listOf(path)
		if !ok {
			return false, fmt.Errorf("record %s: it has no account or region", path)
		}
		last = found
		return true, list.Of(last).Build(w)
	})
}

func putSchema(w store.Writer) error { return w.Put(schemaPath, fmt.Append(nil, schemaVersion)) }
