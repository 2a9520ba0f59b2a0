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

// ErrNotGood reports that [Check] has found problems in a store or a backup that another operation depends on.
var ErrNotGood = errors.New("is not good")

// Check reads a whole store and unwraps the material of every key version with the root key of c. It changes nothing.
// path is the store's file, or a backup of it; "" means the store of c. An error says that the check could not be done;
// it wraps [ErrInUse] if a service has the file open. For a store in etcd, Check reads a snapshot, so no service needs
// to stop.
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
	// rootFile and shown name the root key's file and the checked file in messages.
	rootFile, shown string
	progress        Progress
	// moving is the state of a migration in which the store is allowed to be.
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

// ofEtcd checks a snapshot of the store in etcd.
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

// mustBeGood is like of, but problems are an error that wraps [ErrNotGood].
func (c checkup) mustBeGood(ctx context.Context, path string) (Report, error) {
	return c.good(c.of(ctx, path))
}

// good turns the problems that a check has found into an error.
func (c checkup) good(report Report, err error) (Report, error) {
	if n := len(report.Problems); err == nil && n > 0 {
		err = fmt.Errorf("%s %w: %s", c.shown, ErrNotGood, report.Problems[0])
		if n > 1 {
			err = fmt.Errorf("%w (and %d more)", err, n-1)
		}
	}
	return report, err
}

// compareContents returns an error unless a store has as many records, keys, versions, secrets and values as it should.
// what names the store in the error.
func compareContents(what string, has, should Report) error {
	if has.Records == should.Records && has.Keys == should.Keys && has.Versions == should.Versions &&
		has.Secrets == should.Secrets && has.SecretValues == should.SecretValues {
		return nil
	}
	return fmt.Errorf("%s has %d records, %d keys, %d versions and %d values of %d secrets instead of %d, %d, %d, %d and %d",
		what, has.Records, has.Keys, has.Versions, has.SecretValues, has.Secrets,
		should.Records, should.Keys, should.Versions, should.SecretValues, should.Secrets)
}

// explainRootKey adds to err which root key is needed, if err means that the one in rootFile does not open the store.
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
