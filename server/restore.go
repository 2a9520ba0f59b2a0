package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Restored is the result of [Restore].
type Restored struct {
	// Report is the check of the restored store.
	Report
	// Kept is the name under which the replaced store, or a backup of it, is kept, or "" if there was none.
	Kept string
}

// Restore replaces the store of c by the backup at path, once [Check] has found nothing wrong in the backup. If a
// service runs on the store, the error wraps [ErrInUse]. An existing store is an error that wraps [os.ErrExist], unless
// replace is set: then it is kept, under the name that Restore returns. The backup may also be a store that has been
// migrated: Restore takes its data from before the migration.
//
// A store in etcd is kept as a backup in the new file keep; if keep is "", the error wraps [ErrNoKeep]. If part of the
// store is lost, the rest is kept. No node can become the active one during the restore, and running nodes notice that
// the store was replaced.
func Restore(
	ctx context.Context, c Config, path string, replace bool, keep string, progress Progress,
) (Restored, error) {
	return restore(ctx, c, path, replace, keep, progress, func(string) {})
}

// restore is [Restore], for tests. step is called with the name of each step that has changed etcd.
func restore(
	ctx context.Context, c Config, path string, replace bool, keep string, progress Progress, step func(string),
) (Restored, error) {
	if err := checkKeep(c, keep); err != nil {
		return Restored{}, err
	}
	root, err := loadRootKey(c)
	if err != nil {
		return Restored{}, err
	}
	defer root.Clear()
	r := restoring{backup: path, checkup: newCheckup(root, c.RootKey.File, path, progress)}
	if c.Etcd != nil {
		in := etcdStore{config: c, command: "restore", progress: progress, step: step, salvage: replace}
		return r.replaceIn(ctx, in, replace, keep)
	}
	held, err := holdStore(c)
	if errors.Is(err, os.ErrNotExist) {
		err = durable.WriteNew(c.Storage.Path, func(f *os.File) error { return r.fill(ctx, f) })
		return Restored{Report: r.report}, err
	}
	if err != nil {
		return Restored{}, err
	}
	defer held.release()
	if !replace {
		return Restored{}, fmt.Errorf("%s: %w", c.Storage.Path, os.ErrExist)
	}
	kept, err := r.replace(ctx, held)
	return Restored{r.report, kept}, err
}

// restoring copies a backup.
type restoring struct {
	backup string
	checkup
	report Report
}

// replace replaces a store by a copy of the backup.
func (r *restoring) replace(ctx context.Context, held heldStore) (kept string, err error) {
	staged := held.path + ".restored"
	f, err := durable.Create(staged)
	if err != nil {
		return "", held.about(staged, err)
	}
	defer func() { err = errors.Join(held.about(staged, err), durable.RemoveLeft(staged)) }()
	if err := errors.Join(r.fill(ctx, f), f.Sync(), f.Close()); err != nil {
		return "", err
	}
	return durable.Replace(held.path, staged, nil)
}

// fill copies the backup to f, and checks the copy, since that is what will be used.
func (r *restoring) fill(ctx context.Context, f *os.File) error {
	// Without O_NONBLOCK, opening a named pipe would block until someone writes to it.
	source, err := os.OpenFile(r.backup, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", r.backup, durable.Reason(err))
	}
	defer func() { _ = source.Close() }() // It was only read.
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: it is not a regular file", r.backup)
	}
	if _, err := io.Copy(&meter{ctx: ctx, w: f, progress: r.progress, total: info.Size()}, source); err != nil {
		return err
	}
	if err := undoMove(ctx, f.Name()); err != nil {
		return err
	}
	r.report, err = r.mustBeGood(ctx, f.Name())
	return err
}

// undoMove makes the copy of a migrated store usable: as a backup, it has the data from before the migration.
func undoMove(ctx context.Context, path string) error {
	if !hasMoved(ctx, path) {
		return nil
	}
	opened, err := bolt.Open(path, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(opened.Update(ctx, keyring.UndoMove), opened.Close())
}

// hasMoved reports whether the store in a file has been migrated. It returns false for a damaged file, which the check
// reports.
func hasMoved(ctx context.Context, path string) (moved bool) {
	archive, err := bolt.OpenArchive(path)
	if err != nil {
		return false
	}
	err = archive.View(ctx, func(r store.Reader) error {
		move, _, err := keyring.ReadMove(r)
		moved = move.State == keyring.Departed
		return err
	})
	return err == nil && archive.Close() == nil && moved
}

// heldStore is the locked file of a store: no service can open it until release.
type heldStore struct {
	// shown is the path in the configuration, and path the file to which it resolves.
	shown, path string
	unlock      func() error
}

// holdStore keeps services from opening the store of c.
func holdStore(c Config) (heldStore, error) {
	held := heldStore{shown: c.Storage.Path}
	path, err := filepath.EvalSymlinks(held.shown)
	if err != nil {
		return held, fmt.Errorf("%s: %w", held.shown, durable.Reason(err))
	}
	held.path = path
	held.unlock, err = bolt.Lock(path)
	if errors.Is(err, store.ErrLocked) {
		return held, fmt.Errorf("%s: %w; stop the service first", held.shown, err)
	}
	if err != nil {
		return held, fmt.Errorf("%s: %w", held.shown, err)
	}
	return held, nil
}

// release releases the lock. The lock is on the file that was the store at first; services open the file that has
// replaced it.
func (h heldStore) release() { _ = h.unlock() } // Closing the file ends the lock, even if it returns an error.

// about implements rekeyedStore. It rephrases err in terms of the store if it is about staged, the file that was to
// replace it.
func (h heldStore) about(staged string, err error) error {
	return durable.About("a new store beside "+h.shown, staged, err)
}
