package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Restore replaces the store of c by the backup at path, once [Check] has found nothing wrong in it. No service may run
// on the store. An existing store is an error that wraps [os.ErrExist], unless replace is set: then it is kept, under
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
	// The lock is on the old file. Whatever opens the store from now on opens the new one.
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
		defer func() { _ = source.Close() }() // It was only read.
		if _, err := io.Copy(f, source); err != nil {
			return err
		}
		_, err = checkCopy(ctx, c, f.Name())
		return err
	}
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
