package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Report is the result of [Check].
type Report = keyring.Report

// ErrInUse reports that another process, probably a service, has the store open.
var ErrInUse = store.ErrLocked

// ErrNotGood reports that [Check] has found problems in a file that was to be relied on.
var ErrNotGood = errors.New("is not good")

// Check reads a whole store, and the material of every key version, which it opens with the root key of c. It changes
// nothing. path is the store's file, or a backup of it; "" means that of c. An error says that the check could not be
// done; it wraps [ErrInUse] if a service has the store open.
func Check(ctx context.Context, c Config, path string, progress Progress) (Report, error) {
	if path == "" {
		path = c.Storage.Path
	}
	root, err := loadRootKey(c)
	if err != nil {
		return Report{}, err
	}
	defer root.Clear()
	return checkup{root, c.RootKey.File, path, progress}.of(ctx, path)
}

// checkup checks files with a root key.
type checkup struct {
	root *crypt.RootKey
	// rootFile and shown are what people call the root key's file and the file that is checked.
	rootFile, shown string
	progress        Progress
}

// of checks the file at path.
func (c checkup) of(ctx context.Context, path string) (Report, error) {
	archive, err := bolt.OpenArchive(path)
	if errors.Is(err, store.ErrDamaged) {
		return Report{Problems: []string{err.Error()}}, nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("%s: %w", c.shown, err)
	}
	c.progress.at(Checking, 0, 0)
	report, err := keyring.Check(ctx, archive, c.root, keyring.CheckOptions{
		ParseNonce: replay.New(replay.Options{}).Load, Progress: c.progress.of(Checking),
	})
	if errors.Is(err, crypt.ErrWrongRootKey) {
		report.Problems = append(report.Problems, explainRootKey(c.rootFile, err).Error())
		err = nil
	}
	return report, errors.Join(err, archive.Close())
}

// mustBeGood is of for a file that is to be relied on.
func (c checkup) mustBeGood(ctx context.Context, path string) (Report, error) {
	report, err := c.of(ctx, path)
	if n := len(report.Problems); err == nil && n > 0 {
		err = fmt.Errorf("%s %w: %s", c.shown, ErrNotGood, report.Problems[0])
		if n > 1 {
			err = fmt.Errorf("%w (and %d more)", err, n-1)
		}
	}
	return report, err
}

// explainRootKey says which root key opens a store, if err is that the one in rootFile does not.
func explainRootKey(rootFile string, err error) error {
	switch {
	case errors.Is(err, keyring.ErrEarlierRootKey):
		return fmt.Errorf("%w than that of %s, which is the one from before its rekey; put the new one there", err, rootFile)
	case errors.Is(err, crypt.ErrWrongRootKey):
		return fmt.Errorf("%w than that of %s; a store from before a rekey needs the root key of that time", err, rootFile)
	default:
		return err
	}
}
