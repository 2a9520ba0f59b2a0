package server

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Report is the result of [Check].
type Report = keyring.Report

// Check reads a whole store, and the material of every key version, which it opens with the root key of c. It changes
// nothing. path is the store's file, or a backup of it; "" means that of c. An error says that the check could not be
// done; a service that has the store open is one reason.
func Check(ctx context.Context, c Config, path string) (Report, error) {
	if path == "" {
		path = c.Storage.Path
	}
	root, err := loadRootKey(c)
	if err != nil {
		return Report{}, err
	}
	defer root.Clear()
	archive, err := bolt.OpenArchive(path)
	if errors.Is(err, store.ErrDamaged) {
		return Report{Problems: []string{err.Error()}}, nil
	}
	if err != nil {
		return Report{}, err
	}
	report, err := keyring.Check(ctx, archive, root, replay.New(replay.Options{}).Load)
	return report, errors.Join(err, archive.Close())
}
