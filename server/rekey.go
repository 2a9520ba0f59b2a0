package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Rekeyed is the result of [Rekey].
type Rekeyed struct {
	// Report is the check of the store under the new root key.
	Report
	// Kept is the name of the old store, or of a backup of it, under the old root key. It is "" if an earlier Rekey had
	// already put the store under the new root key.
	Kept string
}

// Rekey puts the store of c, which is under the root key of c, under the root key in the file newKey. If a service runs
// on the store, the error wraps [ErrInUse]. Rekey changes only the store: before a service starts on it, replace the
// root key file of c by the new one.
//
// The old store is replaced once the new one is complete, synced to disk, and [Check] has found nothing wrong in it
// with the new root key. Whenever the process dies or the power fails, the store is either the old one under the old
// root key or the new one under the new, and Rekey can be called again.
//
// A store in etcd is kept as a backup in the new file keep; if keep is "", the error wraps [ErrNoKeep]. Rekey works in
// files beside keep.
func Rekey(ctx context.Context, c Config, newKey, keep string, progress Progress) (Rekeyed, error) {
	return rekey(ctx, c, newKey, keep, progress, func(string) {})
}

// rekey is [Rekey], for tests. step is called with the name of each step that has changed a file.
func rekey(
	ctx context.Context, c Config, newKey, keep string, progress Progress, step func(string),
) (_ Rekeyed, err error) {
	if err := checkKeep(c, keep); err != nil {
		return Rekeyed{}, err
	}
	old, err := loadRootKey(c)
	if err != nil {
		return Rekeyed{}, err
	}
	defer old.Clear()
	root, err := crypt.LoadRootKey(newKey)
	if err != nil {
		return Rekeyed{}, fmt.Errorf("the new root key: %w", err)
	}
	defer root.Clear()
	if old.Equal(root) {
		return Rekeyed{}, fmt.Errorf("%s holds the same root key as %s", newKey, c.RootKey.File)
	}
	r := rekeying{
		before: newCheckup(old, c.RootKey.File, StoreName(c), progress),
		after:  newCheckup(root, newKey, StoreName(c), progress), step: step,
	}
	release, err := r.hold(ctx, c, keep)
	if err != nil {
		return Rekeyed{}, err
	}
	defer func() { err = errors.Join(err, release()) }()
	defer func() { err = r.about(r.copy, r.about(r.next, err)) }()
	if err := r.removeLeft(); err != nil {
		return Rekeyed{}, err
	}
	defer func() { err = errors.Join(err, r.removeLeft()) }()
	r.step("nothing is left of an earlier rekey")
	return r.run(ctx)
}

// rekeying is the work of [Rekey] on a store.
type rekeying struct {
	rekeyedStore
	// before checks with the old root key, and after with the new one.
	before, after checkup
	// copy is a copy of the old store. Rekey reads the copy, so that an upgrade of the layout does not change the store
	// itself. next is the new store.
	copy, next string
	step       func(name string)
}

// rekeyedStore is a store that no service can use during the work.
type rekeyedStore interface {
	// copyTo copies the store to a file. It does not change the store.
	copyTo(ctx context.Context, path string, progress Progress, step func(string)) error
	// replaceBy replaces the store by the one in the file next, and returns the name under which the old one is kept.
	replaceBy(ctx context.Context, next string, step func(string)) (kept string, err error)
	// about rephrases err in terms of the store if it is about staged, the file that was to replace it.
	about(staged string, err error) error
}

// hold keeps services from using the store of c until release is called.
func (r *rekeying) hold(ctx context.Context, c Config, keep string) (release func() error, err error) {
	beside := keep
	if c.Etcd != nil {
		held, err := holdEtcd(ctx, c, keep, *r)
		if err != nil {
			return nil, err
		}
		r.rekeyedStore, release = held, held.store.Close
	} else {
		held, err := holdStore(c)
		if err != nil {
			return nil, err
		}
		r.rekeyedStore, release = held, func() error { held.release(); return nil }
		beside = held.path
	}
	r.copy, r.next = beside+".rekeying", beside+".rekeyed"
	return release, nil
}

// removeLeft removes the working files, of this process or of an earlier one that died.
func (r rekeying) removeLeft() error {
	return errors.Join(durable.RemoveLeft(r.copy), durable.RemoveLeft(r.next))
}

func (r rekeying) run(ctx context.Context) (Rekeyed, error) {
	if err := r.copyTo(ctx, r.copy, r.before.progress, r.step); err != nil {
		return Rekeyed{}, err
	}
	if done, err := r.isDone(ctx); done || err != nil {
		if err != nil {
			return Rekeyed{}, err
		}
		report, err := r.after.mustBeGood(ctx, r.copy)
		return Rekeyed{Report: report}, err
	}
	before, err := r.before.mustBeGood(ctx, r.copy)
	if err != nil {
		return Rekeyed{}, err
	}
	report, err := r.write(ctx, before)
	if err != nil {
		return Rekeyed{}, err
	}
	kept, err := r.replaceBy(ctx, r.next, r.step)
	return Rekeyed{report, kept}, err
}

// copyTo implements rekeyedStore.
func (h heldStore) copyTo(ctx context.Context, path string, progress Progress, step func(string)) (err error) {
	from, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // It was only read.
	to, err := durable.Create(path)
	if err != nil {
		return err
	}
	step("the copy is made")
	defer func() { err = errors.Join(err, to.Close()) }()
	w := &meter{ctx: ctx, w: to, progress: progress, total: sizeOf(h.path)}
	if _, err := io.Copy(w, from); err != nil {
		return err
	}
	step("the store is copied")
	return nil
}

// replaceBy implements rekeyedStore.
func (h heldStore) replaceBy(_ context.Context, next string, step func(string)) (kept string, err error) {
	return durable.Replace(h.path, next, step)
}

// isDone reports whether the store is already under the new root key. It is an error if the store is under neither key,
// or was under the new one before an earlier rekey.
func (r rekeying) isDone(ctx context.Context) (done bool, err error) {
	archive, err := bolt.OpenArchive(r.copy)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r.before.shown, err)
	}
	err = archive.View(ctx, func(reader store.Reader) error {
		err := keyring.VerifyRootKey(reader, r.before.root)
		if errors.Is(err, crypt.ErrWrongRootKey) && keyring.VerifyRootKey(reader, r.after.root) == nil {
			done = true
			return nil
		}
		if err == nil && keyring.WasUnder(reader, r.after.root) {
			return fmt.Errorf("%s holds the root key from before the last rekey; make a new one", r.after.rootFile)
		}
		return explainRootKey(r.before.rootFile, err)
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", r.before.shown, err)
	}
	return done, errors.Join(err, archive.Close())
}

// write makes the new store, syncs it to disk, and checks it.
func (r rekeying) write(ctx context.Context, before Report) (after Report, err error) {
	written, err := r.transfer(ctx, int64(before.Records))
	if err != nil {
		return after, err
	}
	r.step("the new store is written")
	if err := errors.Join(durable.SyncFile(r.next), durable.RemoveLeft(r.copy)); err != nil {
		return after, err
	}
	r.step("the new store is durable")
	if after, err = r.after.mustBeGood(ctx, r.next); err != nil {
		return after, fmt.Errorf("the store as it was written under the new root key: %w", err)
	}
	before.Records = written
	if err := compareContents("the store as it was written under the new root key", after, before); err != nil {
		return after, err
	}
	r.step("the new store is checked")
	return after, nil
}

// transfer writes all records of the copy to the new store, and returns their number. total is the number of records
// before the copy's layout is upgraded.
func (r rekeying) transfer(ctx context.Context, total int64) (written int, err error) {
	from, err := bolt.Open(r.copy, store.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	keys, _, err := keyring.Open(ctx, from, r.before.root, keyring.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	r.step("the copy has today's layout")
	to, err := bolt.Open(r.next, store.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	r.step("the new store is made")
	return keys.Rekey(ctx, to, r.after.root, func(done int) {
		r.step("some records are written")
		r.before.progress.at(Rekeying, int64(done), max(int64(done), total))
	})
}
