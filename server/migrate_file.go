package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// fileTarget is a new place in a file. It is not locked: the copy replaces an existing file in one step, and no service
// opens the copy before the migration is complete.
type fileTarget struct {
	// shown is the path in the configuration, and path the file to which it resolves.
	shown, path string
	check       checkup
	step        func(string)
}

func openFileTarget(shown string, check checkup, step func(string)) (*fileTarget, error) {
	path, err := filepath.EvalSymlinks(shown)
	if errors.Is(err, os.ErrNotExist) {
		path, err = shown, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, durable.Reason(err))
	}
	return &fileTarget{shown, path, check, step}, nil
}

// View implements moveTarget. Without a file, the error wraps [os.ErrNotExist].
func (t *fileTarget) View(ctx context.Context, fn func(store.Reader) error) error {
	archive, err := bolt.OpenArchive(t.path)
	if err != nil {
		return stopFirst(fmt.Errorf("%s: %w", t.shown, err))
	}
	return errors.Join(archive.View(ctx, fn), archive.Close())
}

// fill implements moveTarget.
func (t *fileTarget) fill(
	ctx context.Context, from store.Store, last func(store.Writer) error,
) (after Report, kept string, err error) {
	next := t.path + ".migrating"
	defer func() {
		err = durable.About("a new store beside "+t.shown, next, errors.Join(err, durable.RemoveLeft(next)))
	}()
	if err := durable.RemoveLeft(next); err != nil {
		return after, "", err
	}
	if err := copyRecords(ctx, from, next, t.check.progress, last); err != nil {
		return after, "", err
	}
	t.step("the copy is written")
	if err := durable.SyncFile(next); err != nil {
		return after, "", err
	}
	if after, err = t.check.mustBeGood(ctx, next); err != nil {
		return after, "", err
	}
	t.step("the copy is checked")
	kept, err = t.place(ctx, next)
	return after, kept, err
}

// place moves the file next into the place, and returns the name under which the file that it replaced is kept. A copy
// of an unfinished migration is not kept.
func (t *fileTarget) place(ctx context.Context, next string) (kept string, err error) {
	uncounted, err := t.hasCopy(ctx)
	if err != nil {
		return "", err
	}
	release, err := bolt.Lock(t.path)
	if errors.Is(err, os.ErrNotExist) {
		// Unlike a rename, a link does not replace another file.
		return "", errors.Join(os.Link(next, t.path), durable.SyncFolder(filepath.Dir(t.path)))
	}
	if err != nil {
		return "", stopFirst(fmt.Errorf("%s: %w", t.shown, err))
	}
	defer func() { _ = release() }() // Closing the file ends the lock, even if it returns an error.
	if kept, err = durable.Replace(t.path, next, t.step); err == nil && uncounted {
		return "", os.Remove(kept)
	}
	return kept, err
}

// hasCopy reports whether the file in the place is the copy of an unfinished migration.
func (t *fileTarget) hasCopy(ctx context.Context) (uncounted bool, err error) {
	err = t.View(ctx, func(r store.Reader) error {
		there, _, err := keyring.ReadMove(r)
		uncounted = there.State == keyring.Arriving
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return uncounted, err
}

// update implements moveTarget.
func (t *fileTarget) update(ctx context.Context, fn func(store.Writer) error) error {
	opened, err := bolt.Open(t.path, store.Options{})
	if err != nil {
		return stopFirst(err)
	}
	return errors.Join(opened.Update(ctx, fn), opened.Close())
}

// close implements moveTarget.
func (t *fileTarget) close() error { return nil }

// copiedAtOnce is how many records are written in one commit.
const copiedAtOnce = 5000

// copyRecords copies the records of a store to a new store in the file at path, and then applies last to it.
func copyRecords(
	ctx context.Context, from store.Store, path string, progress Progress, last func(store.Writer) error,
) (err error) {
	total, err := unstructured{from}.Len(ctx)
	if err != nil {
		return err
	}
	to, err := bolt.Open(path, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	for done, after := 0, ""; ; {
		page, err := recordsAfter(ctx, from, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return to.Update(ctx, last)
		}
		if err := to.Update(ctx, func(w store.Writer) error { return putAll(w, page) }); err != nil {
			return err
		}
		after = page[len(page)-1].key
		done += len(page)
		progress.at(Writing, int64(done), int64(total))
	}
}

type record struct {
	key   string
	value []byte
}

// recordsAfter returns up to copiedAtOnce records whose keys follow after, in order.
func recordsAfter(ctx context.Context, in records, after string) (page []record, err error) {
	err = in.View(ctx, func(r store.Reader) error {
		page = page[:0]
		return r.Scan("", after, func(key string, value []byte) (bool, error) {
			page = append(page, record{key, value})
			return len(page) < copiedAtOnce, nil
		})
	})
	return page, err
}

func putAll(w store.Writer, page []record) error {
	for _, r := range page {
		if err := w.Put(r.key, r.value); err != nil {
			return err
		}
	}
	return nil
}
