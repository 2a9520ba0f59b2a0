package server

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// replaceIn replaces a store in etcd by the backup.
func (r *restoring) replaceIn(ctx context.Context, in etcdStore, replace bool, keep string) (_ Restored, err error) {
	opened, err := in.lead(ctx)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	empty, err := isEmpty(ctx, opened)
	switch {
	case err != nil:
		return Restored{}, err
	case !empty && !replace:
		return Restored{}, fmt.Errorf("%s: %w", StoreName(in.config), errTaken)
	case empty:
		keep = ""
	case keep == "":
		return Restored{}, ErrNoKeep
	}
	path, remove, err := r.usable(ctx)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	archive, err := bolt.OpenArchive(path)
	if err != nil {
		return Restored{}, fmt.Errorf("%s: %w", r.backup, err)
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if r.report, err = r.good(r.ofArchive(ctx, archive)); err != nil {
		return Restored{}, err
	}
	// An earlier attempt whose result is unknown may have put it here already. Then the store that it replaced has been
	// kept too.
	done, err := areEqual(ctx, opened, archive, keyring.ClockPath)
	switch {
	case err != nil:
		return Restored{}, err
	case done:
		keep = ""
	default:
		err = r.putIn(ctx, in, opened, archive, keep)
	}
	if err == nil {
		r.report, err = in.asWritten(ctx, r.checkup, r.report)
	}
	return Restored{r.report, keep}, err
}

// usable returns the path of the backup, or if the backup is a store that has been migrated, of a usable copy. The
// caller calls remove.
func (r *restoring) usable(ctx context.Context) (path string, remove func() error, err error) {
	if !hasMoved(ctx, r.backup) {
		return r.backup, func() error { return nil }, nil
	}
	f, err := os.CreateTemp("", "alicloudkms-restore-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.Remove(f.Name()) }
	if err := errors.Join(r.fill(ctx, f), f.Close()); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return f.Name(), remove, nil
}

// putIn keeps a backup of the store in the file keep, unless that is "", and replaces the store by archive, which was
// checked.
func (r *restoring) putIn(
	ctx context.Context, in etcdStore, opened cluster.Alone, archive *bolt.Archive, keep string,
) error {
	if keep != "" {
		if err := keepAs(ctx, opened, keep, in.progress); err != nil {
			return err
		}
		in.step("the store is kept")
	}
	// Services may have accepted requests since the backup.
	if err := replaceAll(ctx, opened, archive, keyring.RoughenClockMark); err != nil {
		return in.fault(err)
	}
	in.step("the store is replaced")
	return nil
}

// asWritten checks the store in etcd, and that it has as much of everything as before.
func (e etcdStore) asWritten(ctx context.Context, c checkup, before Report) (Report, error) {
	c.shown = StoreName(e.config)
	after, err := c.good(c.ofEtcd(ctx, e.config))
	if err == nil {
		err = compareContents(c.shown, after, before)
	}
	return after, err
}
