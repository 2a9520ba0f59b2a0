package keyring

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The versions of the storage layout.
const (
	// plainSchema has no list, state and due records: what they say was found by reading all CMKs.
	plainSchema = 1
	// schemaVersion is the one that this program works with.
	schemaVersion = 2
)

// prepare makes a new store ready, or upgrades one of an earlier version, after it has checked the root key.
func prepare(w store.Writer, root *crypt.RootKey, log *slog.Logger) (fresh bool, err error) {
	_, err = w.Get(schemaPath)
	if errors.Is(err, store.ErrNotFound) {
		return true, initialize(w, root)
	}
	if err != nil {
		return false, err
	}
	schema, err := verifySchema(w, root)
	if err != nil || schema == schemaVersion {
		return false, err
	}
	log.Info("the store's layout is of an earlier version; it is upgraded once", "version", schema, "to", schemaVersion)
	return false, upgrade(w)
}

func initialize(w store.Writer, root *crypt.RootKey) error {
	proof, err := root.SealCheck()
	if err != nil {
		return err
	}
	return errors.Join(w.Put(rootKeyPath, proof), putSchema(w))
}

func putSchema(w store.Writer) error { return w.Put(schemaPath, fmt.Append(nil, schemaVersion)) }

// verifySchema checks that a store has a layout that this program knows, and was made with root. It returns the
// layout's version.
func verifySchema(r store.Reader, root *crypt.RootKey) (schema int, err error) {
	text, err := r.Get(schemaPath)
	if err != nil {
		return 0, err
	}
	switch string(text) {
	case fmt.Sprint(plainSchema):
		schema = plainSchema
	case fmt.Sprint(schemaVersion):
		schema = schemaVersion
	default:
		return 0, fmt.Errorf("its layout has version %s, and this program knows version %d", text, schemaVersion)
	}
	proof, err := r.Get(rootKeyPath)
	if err != nil {
		return schema, err
	}
	if err := root.VerifyCheck(proof); err != nil {
		return schema, fmt.Errorf("it was made with another root key than the one in root_key: %w", err)
	}
	return schema, nil
}

// upgrade turns a store of plainSchema into one of schemaVersion. It runs once, in the transaction that opens the
// store, so a service that dies in it leaves the store as it was.
func upgrade(w store.Writer) error {
	err := w.Scan(cmkPrefix, "", func(path string, value []byte) (bool, error) {
		at, ok := locate(path, cmkPrefix)
		if !ok {
			return false, errNoScope(path)
		}
		cmk, err := decodeCMK(path, value)
		if err != nil {
			return false, err
		}
		return true, newWriter(w, at.scope, time.Time{}).index(cmk)
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
			return false, errNoScope(path)
		}
		last = found
		return true, list.Of(last).Build(w)
	})
}

func errNoScope(path string) error {
	return fmt.Errorf("record %s: it has no account or region", path)
}
