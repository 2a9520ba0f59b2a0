package server

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Overdue returns the ids of the keys in the store of c that are deleted, or lose imported material, as soon as a
// service starts on it at now, because that date has passed. It also returns the secrets that are then deleted, as
// secret/ and the name. After a restore, such a date may be outdated: it may have been changed after the backup. No
// service may run on the store.
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
