package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// heldEtcd is a store in etcd that no node can use during a rekey.
type heldEtcd struct {
	etcdStore
	store cluster.Alone
	// keep is the file for a backup of the old store, and after checks the new one.
	keep  string
	after checkup
}

// holdEtcd keeps nodes from using the store of c in etcd.
func holdEtcd(ctx context.Context, c Config, keep string, r rekeying) (heldEtcd, error) {
	if keep == "" {
		return heldEtcd{}, ErrNoKeep
	}
	in := etcdStore{config: c, command: "rekey", progress: r.before.progress, step: r.step}
	opened, err := in.lead(ctx)
	if err != nil {
		return heldEtcd{}, err
	}
	empty, err := isEmpty(ctx, opened)
	if err == nil && empty {
		err = fmt.Errorf("%s: %w", StoreName(c), errEmpty)
	}
	if err != nil {
		return heldEtcd{}, errors.Join(err, opened.Close())
	}
	return heldEtcd{in, opened, keep, r.after}, nil
}

// copyTo implements rekeyedStore.
func (h heldEtcd) copyTo(ctx context.Context, path string, progress Progress, step func(string)) (err error) {
	to, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	step("the copy is made")
	if err := h.store.Backup(ctx, &meter{ctx: ctx, w: to, progress: progress}); err != nil {
		return err
	}
	step("the store is copied")
	return nil
}

// replaceBy implements rekeyedStore.
func (h heldEtcd) replaceBy(ctx context.Context, next string, step func(string)) (kept string, err error) {
	if err := keepAs(ctx, h.store, h.keep, h.progress); err != nil {
		return "", err
	}
	step("the store is kept")
	archive, err := bolt.OpenArchive(next)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	if err := replaceAll(ctx, h.store, archive, unchanged); err != nil {
		return "", h.fault(err)
	}
	step("the store is replaced")
	_, err = h.after.good(h.after.ofEtcd(ctx, h.config))
	return h.keep, err
}

// about implements rekeyedStore.
func (h heldEtcd) about(staged string, err error) error {
	return durable.About("a new store beside "+h.keep, staged, err)
}
