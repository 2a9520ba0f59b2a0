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
	// plainSchema has no list, state and due records: the service read all CMKs instead.
	plainSchema = 1
	// jsonSchema has CMKs with all versions and tags in one JSON record, and aliases in JSON too.
	jsonSchema = 2
	// derivedSchema has no fingerprint key: it was derived from the root key.
	derivedSchema = 3
	// schemaVersion is the version that this program works with.
	schemaVersion = 4

	// Layout is the version of the storage layout that this program works with.
	Layout = schemaVersion
)

// prepare initializes a new store, or checks the root key and upgrades a store of an earlier version.
func prepare(w store.Writer, root *crypt.RootKey, log *slog.Logger) (fresh bool, err error) {
	_, err = w.Get(schemaPath)
	if errors.Is(err, store.ErrNotFound) {
		if err := requireEmpty(w); err != nil {
			return false, err
		}
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
	return false, upgrade(w, root, schema)
}

// requireEmpty returns an error that wraps [store.ErrDamaged] if a store has records but no layout. If such a store
// were initialized like a new one, it would get another fingerprint key, and accept requests a second time.
func requireEmpty(r store.Reader) error {
	switch _, err := r.Nth("", "", 1); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	default:
		return store.Damage("it has records, but not those of its layout and root key")
	}
}

func initialize(w store.Writer, root *crypt.RootKey) error {
	proof, err := root.SealCheck()
	if err != nil {
		return err
	}
	key, err := crypt.NewFingerprintKey(nil)
	if err != nil {
		return err
	}
	defer key.Clear()
	return errors.Join(w.Put(rootKeyPath, proof), putFingerprintKey(w, root, key), putSchema(w))
}

func putFingerprintKey(w store.Writer, root *crypt.RootKey, key *crypt.FingerprintKey) error {
	wrapped, err := root.WrapFingerprintKey(fingerprintKeyPath, key)
	if err != nil {
		return err
	}
	return w.Put(fingerprintKeyPath, wrapped)
}

// fingerprintKey unwraps the fingerprint key.
func fingerprintKey(r store.Reader, root *crypt.RootKey) (*crypt.FingerprintKey, error) {
	wrapped, err := r.Get(fingerprintKeyPath)
	if err == nil {
		var key *crypt.FingerprintKey
		if key, err = root.UnwrapFingerprintKey(fingerprintKeyPath, wrapped); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("record %q: %w", fingerprintKeyPath, err)
}

func putSchema(w store.Writer) error { return w.Put(schemaPath, fmt.Append(nil, schemaVersion)) }

// verifySchema checks that a store has a layout that this program knows, and is under root. It returns the layout's
// version.
func verifySchema(r store.Reader, root *crypt.RootKey) (schema int, err error) {
	if schema, err = readSchema(r); err != nil {
		return schema, err
	}
	return schema, verifyProof(r, root)
}

// readSchema returns the version of the layout, even with a [MoveError].
func readSchema(r store.Reader) (schema int, err error) {
	text, err := layoutIn(r)
	if _, moving := errors.AsType[*MoveError](err); err != nil && !moving {
		return 0, err
	}
	schema, _ = strconv.Atoi(text)
	if schema < plainSchema || schema > schemaVersion || strconv.Itoa(schema) != text {
		return 0, &layoutError{text}
	}
	return schema, err
}

// ReadLayout returns the version of a store's layout. The error wraps [store.ErrNotFound] for a new store, and
// [ErrLayout] for a layout that this program does not know.
func ReadLayout(r store.Reader) (int, error) {
	layout, err := readSchema(r)
	if _, moving := errors.AsType[*MoveError](err); moving {
		err = nil
	}
	return layout, err
}

func verifyProof(r store.Reader, root *crypt.RootKey) error {
	proof, err := r.Get(rootKeyPath)
	if err != nil {
		return err
	}
	if err := root.VerifyCheck(proof); err != nil {
		if wasUnder(r, root) {
			return ErrEarlierRootKey
		}
		return err
	}
	return nil
}

// Verify checks that a store has a layout that this program knows, and is under root. An empty store passes with any
// root key. Verify changes nothing. The error wraps [ErrLayout] for an unknown layout, and [store.ErrDamaged] for
// records without a layout.
func Verify(ctx context.Context, a Archive, root *crypt.RootKey) error {
	return a.View(ctx, func(r store.Reader) error { return VerifyIn(r, root) })
}

// VerifyIn is [Verify] in the caller's transaction.
func VerifyIn(r store.Reader, root *crypt.RootKey) error {
	_, err := verifySchema(r, root)
	if errors.Is(err, store.ErrNotFound) {
		return requireEmpty(r)
	}
	return err
}

// ErrLayout reports that a store has a layout that this program does not know, probably a later one.
var ErrLayout = errors.New("the store's layout is unknown")

// layoutError is an ErrLayout.
type layoutError struct{ version string }

// Error implements error.
func (e *layoutError) Error() string {
	return fmt.Sprintf("its layout has version %q, and this program knows versions %d to %d",
		e.version, plainSchema, schemaVersion)
}

// Unwrap makes it an [ErrLayout].
func (*layoutError) Unwrap() error { return ErrLayout }

// ErrEarlierRootKey reports that a store is under another root key, and was under this one before its last
// [Keyring.Rekey]. It wraps [crypt.ErrWrongRootKey].
var ErrEarlierRootKey = fmt.Errorf("%w", crypt.ErrWrongRootKey)

// wasUnder reports whether root is the root key that a store was under before its last [Keyring.Rekey].
func wasUnder(r store.Reader, root *crypt.RootKey) bool {
	proof, err := r.Get(earlierRootKeyPath)
	return err == nil && root.VerifyCheck(proof) == nil
}
