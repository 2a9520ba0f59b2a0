package keyring

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// KeepNonce stores a nonce that must survive a restart, under the caller's key, until it expires.
func (k *Keyring) KeepNonce(ctx context.Context, key string, expires time.Time) error {
	return k.store.Update(ctx, func(w store.Writer) error {
		return w.Put(noncePrefix+key, []byte(expires.UTC().Format(time.RFC3339Nano)))
	})
}

// EachNonce visits the keys of all stored nonces, in order, expired or not.
func (k *Keyring) EachNonce(ctx context.Context, visit func(key string) error) error {
	return k.store.View(ctx, func(r store.Reader) error {
		return r.Scan(noncePrefix, "", func(path string, _ []byte) (bool, error) {
			return true, visit(strings.TrimPrefix(path, noncePrefix))
		})
	})
}

// sweepAtOnce is how many nonces one transaction deletes. It bounds how long a request waits for a sweep.
const sweepAtOnce = 1000

// SweepNonces deletes the nonces that have expired at now.
func (k *Keyring) SweepNonces(ctx context.Context, now time.Time) error {
	expired, err := k.expiredNonces(ctx, now)
	if err != nil {
		return err
	}
	return k.deleteNonces(ctx, expired)
}

// DropNonces deletes the nonces whose keys begin with prefix and for which isDropped returns true.
func (k *Keyring) DropNonces(ctx context.Context, prefix string, isDropped func(key string) bool) error {
	var dropped []string
	err := k.store.View(ctx, func(r store.Reader) error {
		return r.Scan(noncePrefix+prefix, "", func(path string, _ []byte) (bool, error) {
			if isDropped(strings.TrimPrefix(path, noncePrefix)) {
				dropped = append(dropped, path)
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	return k.deleteNonces(ctx, dropped)
}

// deleteNonces deletes the records at paths, in transactions short enough not to hold up requests.
func (k *Keyring) deleteNonces(ctx context.Context, paths []string) error {
	for some := range slices.Chunk(paths, sweepAtOnce) {
		if err := k.store.Update(ctx, func(w store.Writer) error { return deleteAll(w, some) }); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keyring) expiredNonces(ctx context.Context, now time.Time) (paths []string, err error) {
	err = k.store.View(ctx, func(r store.Reader) error {
		return r.Scan(noncePrefix, "", func(path string, value []byte) (bool, error) {
			expires, err := time.Parse(time.RFC3339Nano, string(value))
			if err == nil && now.After(expires) {
				paths = append(paths, path)
			}
			return true, err
		})
	})
	return paths, err
}

func deleteAll(w store.Writer, paths []string) error {
	for _, path := range paths {
		if err := w.Delete(path); err != nil {
			return err
		}
	}
	return nil
}
