package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// ErrNoKeep reports that a store in etcd would be replaced, and that no file was given for its backup.
var ErrNoKeep = errors.New("the present store has to be kept as a backup")

// checkKeep refuses keep for a store in a file.
func checkKeep(c Config, keep string) error {
	if c.Etcd == nil && keep != "" {
		return fmt.Errorf("%s: a store in a file is always kept beside the new one, not under another name", c.Storage.Path)
	}
	return nil
}

// replaceAll replaces all records of a store by those of from, and then applies last, in one commit. It writes only the
// differences. Whenever the process dies, the store has either the old records or the new ones.
func replaceAll(ctx context.Context, in cluster.Alone, from records, last func(store.Writer) error) error {
	// It is the only update, so it delays no other while it reads.
	return in.Replace(ctx, func(w store.Writer) error {
		return from.View(ctx, func(r store.Reader) error {
			return errors.Join(deleteOthers(w, r), putDifferent(w, r), last(w))
		})
	})
}

// deleteOthers deletes the records that r does not have.
func deleteOthers(w store.Writer, r store.Reader) error {
	return w.Scan("", "", func(key string, _ []byte) (bool, error) {
		_, err := r.Get(key)
		if errors.Is(err, store.ErrNotFound) {
			err = w.Delete(key)
		}
		return true, err
	})
}

// putDifferent puts the records of r that w lacks or has with another value.
func putDifferent(w store.Writer, r store.Reader) error {
	return r.Scan("", "", func(key string, value []byte) (bool, error) {
		present, err := w.Get(key)
		if err == nil && bytes.Equal(present, value) {
			return true, nil
		}
		return true, w.Put(key, value)
	})
}

// unchanged is a last write, of replaceAll or of a term, that changes nothing.
func unchanged(store.Writer) error { return nil }

// keepAs writes a backup of a store to a new file at path. An existing file is accepted only if it is a backup of the
// store as it is, as after an earlier attempt.
func keepAs(ctx context.Context, s store.Store, path string, progress Progress) error {
	if path == "" {
		return ErrNoKeep
	}
	err := durable.WriteNew(path, func(f *os.File) error {
		return s.Backup(ctx, &meter{ctx: ctx, w: f, progress: progress})
	})
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	archive, openErr := bolt.OpenArchive(path)
	if openErr != nil {
		return err
	}
	defer func() { _ = archive.Close() }() // It was only read.
	same, compareErr := areEqual(ctx, s, archive, "")
	if same || compareErr != nil {
		return compareErr
	}
	return err
}

// areEqual reports whether two stores have the same records, except the one with the key but.
func areEqual(ctx context.Context, a, b records, but string) (equal bool, err error) {
	err = a.View(ctx, func(ra store.Reader) error {
		return b.View(ctx, func(rb store.Reader) error {
			err := errors.Join(haveAll(ra, rb, but), haveAll(rb, ra, but))
			equal = err == nil
			if errors.Is(err, errDifferent) {
				return nil
			}
			return err
		})
	})
	return equal, err
}

var errDifferent = errors.New("the stores have different records")

// haveAll returns errDifferent unless b has each record of a, except the one with the key but.
func haveAll(a, b store.Reader, but string) error {
	return a.Scan("", "", func(key string, value []byte) (bool, error) {
		if key == but {
			return true, nil
		}
		other, err := b.Get(key)
		if errors.Is(err, store.ErrNotFound) || err == nil && !bytes.Equal(value, other) {
			return false, errDifferent
		}
		return true, err
	})
}

// snapshotTo writes a snapshot of the store of c in etcd to w.
func snapshotTo(ctx context.Context, c Config, w io.Writer, progress Progress) error {
	snapshot, err := etcdStore{config: c, progress: progress}.read(ctx)
	if err != nil {
		return err
	}
	if snapshot.Len() == 0 {
		return fmt.Errorf("%s: %w", StoreName(c), errEmpty)
	}
	return snapshot.Backup(ctx, w)
}
