package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Backup writes a snapshot of the store of c to a new file at path, with mode 0600. If a service runs on the store, the
// snapshot comes from it, through its operations socket, without a pause. The file appears only once it is whole, on
// the disk, and [Check] has found nothing wrong in it.
func Backup(ctx context.Context, c Config, path string) (Report, error) {
	var report Report
	err := durable.WriteNew(path, func(f *os.File) (err error) {
		if err := snapshot(ctx, c, f); err != nil {
			return err
		}
		report, err = checkCopy(ctx, c, f.Name())
		return err
	})
	return report, err
}

// ErrNotGood says that a backup can't be relied on.
var ErrNotGood = errors.New("the backup is not good")

func checkCopy(ctx context.Context, c Config, path string) (Report, error) {
	report, err := Check(ctx, c, path)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%w: %d problems, the first: %s", ErrNotGood, len(report.Problems), report.Problems[0])
	}
	return report, err
}

// snapshot copies the store to w: from the service that runs on it, or from the file if none does.
func snapshot(ctx context.Context, c Config, w io.Writer) error {
	answered, err := snapshotOnline(ctx, c, w)
	if answered {
		return err
	}
	archive, openErr := bolt.OpenArchive(c.Storage.Path)
	if errors.Is(openErr, store.ErrLocked) {
		return fmt.Errorf("%w, and its operations socket does not answer (%w); "+
			"it has one if its configuration has an operations block", openErr, err)
	}
	if openErr != nil {
		return openErr
	}
	return errors.Join(archive.Backup(ctx, w), archive.Close())
}

// snapshotOnline asks the service for a snapshot. answered is false if none runs.
func snapshotOnline(ctx context.Context, c Config, w io.Writer) (answered bool, err error) {
	if c.Ops == nil {
		return false, errors.New("the configuration has no operations block")
	}
	return ops.FetchBackup(ctx, c.SocketPath(), w)
}
