package keyring

import (
	"context"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// VerifyRootKey checks that a store has a layout that this program knows, and is under root. If it is under another
// root key, the error wraps [crypt.ErrWrongRootKey], and if the store was under root before its last [Keyring.Rekey],
// it is [ErrEarlierRootKey].
func VerifyRootKey(r store.Reader, root *crypt.RootKey) error {
	_, err := verifySchema(r, root)
	return err
}

// WasUnder reports whether root is the root key that a store was under before its last [Keyring.Rekey].
func WasUnder(r store.Reader, root *crypt.RootKey) bool { return wasUnder(r, root) }

// rekeyAtOnce is how many records are written in one commit.
const rekeyAtOnce = 5000

// Rekey copies all records to the empty store to, and wraps by root what is wrapped by the current root key. Nothing
// that it writes opens with the old root key. That is why to is not a copy of the old store's file, whose unused pages
// still have what the old root key has wrapped. No other updates may run meanwhile. progress is called now and then
// with the number of records written. Rekey returns the total.
//
// Earlier import tokens become invalid. Fingerprints stay the same.
func (k *Keyring) Rekey(
	ctx context.Context, to store.Store, root *crypt.RootKey, progress func(done int),
) (written int, err error) {
	for last := ""; ; {
		records, err := k.recordsAfter(ctx, last)
		if err != nil || len(records) == 0 {
			return written, err
		}
		last = records[len(records)-1].path
		if records, err = k.rekeyed(records, root); err != nil {
			return written, err
		}
		if err := to.Update(ctx, func(w store.Writer) error { return putAll(w, records) }); err != nil {
			return written, err
		}
		written += len(records)
		progress(written)
	}
}

// stored is a record as it is in the store.
type stored struct {
	path  string
	value []byte
}

// recordsAfter returns the next records in the order of their paths.
func (k *Keyring) recordsAfter(ctx context.Context, last string) (records []stored, err error) {
	err = k.store.View(ctx, func(r store.Reader) error {
		records = records[:0]
		return r.Scan("", last, func(path string, value []byte) (bool, error) {
			records = append(records, stored{path, value})
			return len(records) < rekeyAtOnce, nil
		})
	})
	return records, err
}

// rekeyed returns records as they are stored under root.
func (k *Keyring) rekeyed(records []stored, root *crypt.RootKey) (result []stored, err error) {
	for _, r := range records {
		switch {
		case r.path == earlierRootKeyPath:
			continue // The proof of the current root key takes its place.
		case r.path == rootKeyPath:
			result = append(result, stored{earlierRootKeyPath, r.value})
			r.value, err = root.SealCheck()
		default:
			r.value, err = k.rekeyedRecord(r, root)
		}
		if err != nil {
			return nil, fmt.Errorf("record %q: %w", r.path, err)
		}
		result = append(result, r)
	}
	return result, nil
}

func (k *Keyring) rekeyedRecord(r stored, root *crypt.RootKey) ([]byte, error) {
	for _, kind := range recordKinds {
		if kind.rekey == nil || !strings.HasPrefix(r.path, kind.prefix) {
			continue
		}
		at, ok := locate(r.path, kind.prefix)
		if !ok {
			return nil, errNoScope(r.path)
		}
		return kind.rekey(k, at, r.value, root)
	}
	return r.value, nil
}

// rekeyCMK wraps the material of a CMK's primary version by root.
func (k *Keyring) rekeyCMK(at location, value []byte, root *crypt.RootKey) ([]byte, error) {
	cmk, err := decodeCMK(at.path, at.name, value)
	if err != nil {
		return nil, err
	}
	if err := k.rekeyVersion(at.scope, cmk.KeyID, &cmk.Primary, root); err != nil {
		return nil, err
	}
	return encode(cmk), nil
}

// rekeyEarlier does the same for a version that is not the primary one.
func (k *Keyring) rekeyEarlier(at location, value []byte, root *crypt.RootKey) ([]byte, error) {
	keyID, id, _ := strings.Cut(at.name, "/")
	version, err := decodeVersion(at.path, id, value)
	if err != nil {
		return nil, err
	}
	if err := k.rekeyVersion(at.scope, keyID, &version, root); err != nil {
		return nil, err
	}
	return encode(&version), nil
}

func (k *Keyring) rekeyVersion(scope Scope, keyID string, v *Version, root *crypt.RootKey) (err error) {
	if len(v.Wrapped) == 0 {
		return nil
	}
	path := scope.materialPath(keyID, v.ID)
	if len(v.WrappedPublic) == 0 {
		v.Wrapped, err = k.root.Rewrap(root, path, crypt.KindMaterial, v.Wrapped)
		return err
	}
	if v.Wrapped, err = k.root.Rewrap(root, path, crypt.KindPrivateKey, v.Wrapped); err != nil {
		return err
	}
	v.WrappedPublic, err = k.root.Rewrap(root, path, crypt.KindPublicKey, v.WrappedPublic)
	return err
}

// rekeyMeta wraps the fingerprint key by root. Apart from the proof of the root key, no other record of its kind
// depends on the root key.
func (k *Keyring) rekeyMeta(at location, value []byte, root *crypt.RootKey) ([]byte, error) {
	if at.path != fingerprintKeyPath {
		return value, nil
	}
	return k.root.Rewrap(root, at.path, crypt.KindFingerprintKey, value)
}

func putAll(w store.Writer, records []stored) error {
	for _, r := range records {
		if err := w.Put(r.path, r.value); err != nil {
			return err
		}
	}
	return nil
}
