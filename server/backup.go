package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Backup writes a snapshot of the store of c to a new file at path, with mode 0600. If a service runs on the store it gives
// the snapshot itself, through its operations socket, without pause. The file appears only once it is whole, on the disk, and
// [Check] has found nothing in it.
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

// Restore puts the backup at path in the place of the store of c, once [Check] has found nothing in it. No service may run on
// the store. A store that is there already is an error that wraps [os.ErrExist], unless replace is set: then it is kept, under
// the name that Restore returns.
func Restore(ctx context.Context, c Config, path string, replace bool) (kept string, err error) {
	release, err := bolt.Lock(c.Storage.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", restoreNew(ctx, c, path)
	case err != nil:
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	if !replace {
		return "", fmt.Errorf("%s: %w", c.Storage.Path, os.ErrExist)
	}
	staged := c.Storage.Path + ".restored"
	if err := durable.WriteNew(staged, copyChecked(ctx, c, path)); err != nil {
		return "", err
	}
	kept, err = keep(c.Storage.Path)
	if err != nil {
		return "", errors.Join(err, os.Remove(staged))
	}
	// The lock is on the old file. Who opens the store from here on opens the new one.
	if err := os.Rename(staged, c.Storage.Path); err != nil {
		return "", errors.Join(err, os.Remove(staged))
	}
	return kept, durable.SyncFolder(filepath.Dir(c.Storage.Path))
}

func restoreNew(ctx context.Context, c Config, path string) error {
	return durable.WriteNew(c.Storage.Path, copyChecked(ctx, c, path))
}

// copyChecked copies the backup at path. What is checked is the copy, since that is what will be used.
func copyChecked(ctx context.Context, c Config, path string) func(*os.File) error {
	return func(f *os.File) error {
		source, err := os.Open(path)
		if err != nil {
			return err
		}
		defer source.Close() //nolint:errcheck // It was only read.
		if _, err := io.Copy(f, source); err != nil {
			return err
		}
		_, err = checkCopy(ctx, c, f.Name())
		return err
	}
}

// ErrNotGood says that a backup is not one to rely on.
var ErrNotGood = errors.New("the backup is not good")

func checkCopy(ctx context.Context, c Config, path string) (Report, error) {
	report, err := Check(ctx, c, path)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%w: %d problems, the first: %s", ErrNotGood, len(report.Problems), report.Problems[0])
	}
	return report, err
}

// keep gives the file at path a second name that is free.
func keep(path string) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.replaced-%d", path, n)
		if err := os.Link(path, name); !errors.Is(err, os.ErrExist) {
			return name, err
		}
	}
}

// snapshot copies the store to w: from the service that runs on it, or from the file if none does.
func snapshot(ctx context.Context, c Config, w io.Writer) error {
	answered, err := snapshotOnline(ctx, c, w)
	if answered {
		return err
	}
	archive, openErr := bolt.OpenArchive(c.Storage.Path)
	if errors.Is(openErr, store.ErrLocked) {
		return fmt.Errorf("%w, and its operations socket does not answer (%w); it has one if its configuration has an operations block", openErr, err)
	}
	if openErr != nil {
		return openErr
	}
	return errors.Join(archive.Backup(ctx, w), archive.Close())
}

// snapshotOnline asks the service for a snapshot. answered is false if there is none at the socket.
func snapshotOnline(ctx context.Context, c Config, w io.Writer) (answered bool, err error) {
	if c.Operations == nil {
		return false, errors.New("the configuration has no operations block")
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.socketPath())
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://kms"+backupPath, nil)
	if err != nil {
		return false, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return false, err
	}
	if err != nil {
		return true, err
	}
	defer response.Body.Close() //nolint:errcheck // It was only read.
	if response.StatusCode != http.StatusOK {
		return true, fmt.Errorf("the service answered %s", response.Status)
	}
	if _, err := io.Copy(w, response.Body); err != nil {
		return true, fmt.Errorf("the service broke off: %w", err)
	}
	return true, nil
}
