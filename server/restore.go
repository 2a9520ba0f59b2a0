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

// Restored is what [Restore] has done.
type Restored struct {
	// Report is that of the store as it is now.
	Report
	// Kept is the name of the store that was replaced, as a store or a backup of it, or "" if there was none.
	Kept string
}

// Restore replaces the store of c by the backup at path, once [Check] has found nothing wrong in it. No service may run
// on the store: the error then wraps [ErrInUse]. An existing store is an error that wraps [os.ErrExist], unless replace
// is set: then it is kept, under the name that Restore returns. A backup may also be a store that has moved, which is
// then what it was before.
//
// A store in etcd is kept as a backup in the new file keep, without which the error wraps [ErrNoKeep]. If a part of it
// is lost, the rest is kept. Meanwhile no node can become the active one, and nodes that run see that the store is
// another one.
func Restore(
	ctx context.Context, c Config, path string, replace bool, keep string, progress Progress,
) (Restored, error) {
	return restore(ctx, c, path, replace, keep, progress, func(string) {})
}

// restore is [Restore]. step is called after each step that changes etcd, with its name.
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

// replace puts a copy of the backup in the place of a store.
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

// fill copies the backup to f. What is checked is the copy, since that is what will be used.
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

// undoMove lets the copy of a store that has moved be used again: as a backup, it is good for what it was before.
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

// hasMoved reports whether the store in a file has moved. A damaged one has not, as far as anybody knows.
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

// heldStore is the file of a store that no service can open meanwhile.
type heldStore struct {
	// shown is the path in the configuration, and path the file that it leads to.
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

// release ends the hold. The lock is on the file that was the store when it began; whatever opens the store afterwards
// opens the one that has taken its place.
func (h heldStore) release() { _ = h.unlock() } // A lock ends with its file, whatever closing that returns.

// about returns err as one about the store, if it is about a file that was to take its place.
func (h heldStore) about(staged string, err error) error {
	return durable.About("a new store beside "+h.shown, staged, err)
}
