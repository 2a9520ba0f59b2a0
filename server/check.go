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
// nothing. path is the store's file, or a backup of it; "" means the store of c. An error says that the check could not
// be done; it wraps [ErrInUse] if a service has the file open. What is checked of a store in etcd is a snapshot, for
// which no service needs to stop.
func Check(ctx context.Context, c Config, path string, progress Progress) (Report, error) {
	root, err := loadRootKey(c)
	if err != nil {
		return Report{}, err
	}
	defer root.Clear()
	if path == "" && c.Etcd != nil {
		return newCheckup(root, c.RootKey.File, StoreName(c), progress).ofEtcd(ctx, c)
	}
	if path == "" {
		path = c.Storage.Path
	}
	return newCheckup(root, c.RootKey.File, path, progress).of(ctx, path)
}

// checkup checks files with a root key.
type checkup struct {
	root *crypt.RootKey
	// rootFile and shown are what people call the root key's file and the file that is checked.
	rootFile, shown string
	progress        Progress
	// moving is a state of a migration in which the store may be.
	moving keyring.MoveState
}

func newCheckup(root *crypt.RootKey, rootFile, shown string, progress Progress) checkup {
	return checkup{root: root, rootFile: rootFile, shown: shown, progress: progress}
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
	report, err := c.ofArchive(ctx, archive)
	return report, errors.Join(err, archive.Close())
}

// ofEtcd checks the store of a configuration in etcd, as it is now.
func (c checkup) ofEtcd(ctx context.Context, config Config) (Report, error) {
	snapshot, err := etcdStore{config: config, progress: c.progress}.read(ctx)
	if errors.Is(err, store.ErrDamaged) {
		return Report{Problems: []string{err.Error()}}, nil
	}
	if err == nil && snapshot.Len() == 0 {
		err = fmt.Errorf("%s: %w", c.shown, errEmpty)
	}
	if err != nil {
		return Report{}, err
	}
	return c.ofArchive(ctx, unstructured{snapshot})
}

func (c checkup) ofArchive(ctx context.Context, archive keyring.Archive) (Report, error) {
	c.progress.at(Checking, 0, 0)
	report, err := keyring.Check(ctx, archive, c.root, keyring.CheckOptions{
		ParseNonce: replay.New(replay.Options{}).Load, Progress: c.progress.of(Checking), Moving: c.moving,
	})
	if errors.Is(err, crypt.ErrWrongRootKey) {
		report.Problems = append(report.Problems, explainRootKey(c.rootFile, err).Error())
		err = nil
	}
	return report, err
}

// mustBeGood is of for a file that is to be relied on.
func (c checkup) mustBeGood(ctx context.Context, path string) (Report, error) {
	return c.good(c.of(ctx, path))
}

// good returns an error if a check has found problems.
func (c checkup) good(report Report, err error) (Report, error) {
	if n := len(report.Problems); err == nil && n > 0 {
		err = fmt.Errorf("%s %w: %s", c.shown, ErrNotGood, report.Problems[0])
		if n > 1 {
			err = fmt.Errorf("%w (and %d more)", err, n-1)
		}
	}
	return report, err
}

// compareContents returns an error if a store, which is called what, has not as much of everything as it should.
func compareContents(what string, has, should Report) error {
	if has.Records == should.Records && has.Keys == should.Keys && has.Versions == should.Versions &&
		has.Secrets == should.Secrets && has.SecretValues == should.SecretValues {
		return nil
	}
	return fmt.Errorf("%s has %d records, %d keys, %d versions and %d values of %d secrets instead of %d, %d, %d, %d and %d",
		what, has.Records, has.Keys, has.Versions, has.SecretValues, has.Secrets,
		should.Records, should.Keys, should.Versions, should.SecretValues, should.Secrets)
}

// explainRootKey says which root key opens a store, if err is that the one in rootFile does not.
func explainRootKey(rootFile string, err error) error {
	switch {
	case errors.Is(err, keyring.ErrEarlierRootKey):
		return fmt.Errorf("%w, not that of %s, which is the one from before its rekey; put the new one there", err, rootFile)
	case errors.Is(err, crypt.ErrWrongRootKey):
		return fmt.Errorf("%w, not that of %s; a store from before a rekey needs the root key of that time", err, rootFile)
	default:
		return err
	}
}
