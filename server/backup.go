package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Backup writes a snapshot of the store of c to a new file at path, with mode 0600. If a service runs on the store, the
// snapshot comes from that service, through its operations socket, without interrupting it. A store in etcd is read
// from etcd, at one revision, whether or not a service runs on it. The file appears only once it is complete, synced to
// disk, and [Check] has found nothing wrong in it.
func Backup(ctx context.Context, c Config, path string, progress Progress) (Report, error) {
	root, err := loadRootKey(c)
	if err != nil {
		return Report{}, err
	}
	defer root.Clear()
	var report Report
	err = durable.WriteNew(path, func(f *os.File) (err error) {
		w := &meter{ctx: ctx, w: f, progress: progress, total: sizeOf(c.Storage.Path)}
		if c.Etcd != nil {
			err = snapshotTo(ctx, c, w, progress)
		} else {
			err = snapshot(ctx, c, w)
		}
		if err != nil {
			return err
		}
		report, err = newCheckup(root, c.RootKey.File, path, progress).mustBeGood(ctx, f.Name())
		return err
	})
	return report, err
}

// sizeOf returns the size of a file, or zero if it is unknown.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// snapshot copies the store to w: from the service that runs on it, or from the file if none does.
func snapshot(ctx context.Context, c Config, w io.Writer) error {
	answered, err := snapshotOnline(ctx, c, w)
	if answered {
		return err
	}
	archive, openErr := bolt.OpenArchive(c.Storage.Path)
	if errors.Is(openErr, store.ErrLocked) {
		return fmt.Errorf("%s: %w, and %w", c.Storage.Path, openErr, err)
	}
	if openErr != nil {
		return fmt.Errorf("%s: %w", c.Storage.Path, openErr)
	}
	return errors.Join(archive.Backup(ctx, w), archive.Close())
}

// snapshotOnline asks the service for a snapshot. answered is false if none runs.
func snapshotOnline(ctx context.Context, c Config, w io.Writer) (answered bool, err error) {
	if c.Ops == nil {
		return false, errors.New("a service gives a backup only if its configuration has an operations block: " +
			"stop it, or add the block and restart it")
	}
	answered, err = ops.FetchBackup(ctx, c.SocketPath(), w)
	switch {
	case errors.Is(err, os.ErrPermission):
		return true, fmt.Errorf("%w; run this as the user of the service", err)
	case !answered && err != nil:
		return false, fmt.Errorf("its operations socket does not answer: %w", err)
	default:
		return answered, err
	}
}
