package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// openSource opens the old store, and so keeps services from opening it.
func (m migration) openSource(ctx context.Context) (store.Store, error) {
	if m.from.Etcd != nil {
		return etcdStore{config: m.from, command: "migrate", progress: m.progress, step: m.step}.lead(ctx)
	}
	path := m.from.Storage.Path
	if err := verifyFile(ctx, path); err != nil {
		return nil, err
	}
	opened, err := bolt.Open(path, store.Options{})
	if err != nil {
		return nil, stopFirst(err)
	}
	return opened, nil
}

// verifyFile checks the structure of the file of a store.
func verifyFile(ctx context.Context, path string) error {
	archive, err := bolt.OpenArchive(path)
	if err != nil {
		return stopFirst(fmt.Errorf("%s: %w", path, err))
	}
	var fault error
	err = archive.Verify(ctx, func(found error) bool {
		fault = fmt.Errorf("%s %w: %w", path, ErrNotGood, found)
		return false
	})
	return errors.Join(fault, err, archive.Close())
}

// stopFirst adds advice to an error that says that a service is running.
func stopFirst(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; stop the service first", err)
	}
	return err
}

// openTarget opens the new place. In etcd, that keeps nodes from opening it.
func (m migration) openTarget(ctx context.Context) (moveTarget, error) {
	if m.to.Etcd != nil {
		in := etcdStore{config: m.to, command: "migrate", progress: m.progress, step: m.step}
		opened, err := in.lead(ctx)
		if err != nil {
			return nil, err
		}
		return etcdTarget{opened, in, m.after}, nil
	}
	return openFileTarget(m.to.Storage.Path, m.after, m.step)
}

// etcdTarget is a new place in etcd.
type etcdTarget struct {
	cluster.Alone
	in    etcdStore
	check checkup
}

// fill implements moveTarget.
func (e etcdTarget) fill(
	ctx context.Context, from store.Store, last func(store.Writer) error,
) (after Report, kept string, err error) {
	if err := replaceAll(ctx, e.Alone, from, last); err != nil {
		return after, "", e.in.fault(err)
	}
	after, err = e.check.good(e.check.ofEtcd(ctx, e.in.config))
	return after, "", err
}

// update implements moveTarget.
func (e etcdTarget) update(ctx context.Context, fn func(store.Writer) error) error {
	return e.Update(ctx, fn)
}

// close implements moveTarget.
func (e etcdTarget) close() error { return e.Close() }
