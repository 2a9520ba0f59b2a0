package server

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Overdue returns the ids of the keys in the store of c that change as soon as a service starts on it at now: they are
// deleted, or lose imported material, because the date of that has passed. Secrets that are deleted then are there too,
// as secret/ and their names. After a restore, somebody may have changed such a date since the backup. No service may
// run on the store.
func Overdue(ctx context.Context, c Config, now time.Time) (ids []string, err error) {
	if c.Etcd != nil {
		snapshot, err := etcdStore{config: c}.read(ctx)
		if err != nil {
			return nil, err
		}
		return overdueIn(ctx, snapshot, now)
	}
	archive, err := bolt.OpenArchive(c.Storage.Path)
	if err != nil {
		return nil, err
	}
	ids, err = overdueIn(ctx, archive, now)
	return ids, errors.Join(err, archive.Close())
}

func overdueIn(ctx context.Context, in records, now time.Time) (ids []string, err error) {
	err = in.View(ctx, func(r store.Reader) error {
		ids, err = keyring.Overdue(r, now)
		return err
	})
	return ids, err
}
