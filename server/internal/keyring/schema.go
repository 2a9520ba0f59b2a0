package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The versions of the storage layout.
const (
	// plainSchema has no list, state and due records: what they say was found by reading all CMKs.
	plainSchema = 1
	// jsonSchema has CMKs with all versions and tags in one JSON record, and aliases in JSON too.
	jsonSchema = 2
	// schemaVersion is the one that this program works with.
	schemaVersion = 3
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
	return false, upgrade(w, schema)
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
	schema, _ = strconv.Atoi(string(text))
	if schema < plainSchema || schema > schemaVersion || strconv.Itoa(schema) != string(text) {
		return 0, fmt.Errorf("its layout has version %s, and this program knows versions %d to %d",
			text, plainSchema, schemaVersion)
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

// Verify checks that a store has a layout that this program knows, and was made with root. A store without a layout is
// new, and good for any root key. It changes nothing.
func Verify(ctx context.Context, a Archive, root *crypt.RootKey) error {
	return a.View(ctx, func(r store.Reader) error {
		_, err := verifySchema(r, root)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
}
