package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Engine is for [cluster.Register]. Its nodes and stores make their own client, and close it when they are closed.
func Engine() cluster.Engine { return cluster.Engine{Join: join, Open: openAlone, Read: readOnce} }

// join fails if a member that answers within a lease is too old. If no member answers, the node checks before it leads.
func join(ctx context.Context, o cluster.Options) (cluster.Node, error) {
	o = o.WithDefaults()
	client, err := Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	n := &dialed{client: client, log: o.Logger, lease: o.Lease}
	if err := n.checkVersions(ctx); errors.Is(err, ErrTooOld) {
		return nil, errors.Join(err, client.Close())
	}
	n.Node = Join(optionsOf(o, client))
	return n, nil
}

func openAlone(ctx context.Context, o cluster.Options, self cluster.Peer) (cluster.Alone, error) {
	o = o.WithDefaults()
	client, err := dialNow(ctx, o)
	if err != nil {
		return nil, err
	}
	opened, err := Open(ctx, optionsOf(o, client), self)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &dialedStore{opened, client}, nil
}

func optionsOf(o cluster.Options, client *clientv3.Client) Options {
	clock := systemClock()
	clock.Wall = func() time.Time { return o.Clock().Round(0) } // without Go's monotonic reading
	return Options{
		Options: store.Options{Logger: o.Logger}, Client: client, Prefix: o.Prefix, Lease: o.Lease, Clock: clock,
		Step: o.Step, Progress: o.Progress, Salvage: o.Salvage,
	}
}

// dialNow makes a client, and fails unless etcd answers within a lease and its versions can be relied on.
func dialNow(ctx context.Context, o cluster.Options) (*clientv3.Client, error) {
	bounded, cancel := context.WithTimeout(ctx, o.Lease)
	defer cancel()
	client, err := Dial(bounded, o)
	if err != nil {
		return nil, &unusable{err}
	}
	n := &dialed{client: client, log: o.Logger, lease: o.Lease}
	if err := n.checkVersions(ctx); err != nil {
		return nil, errors.Join(&unusable{err}, client.Close())
	}
	return client, nil
}

// unusable says why etcd can't be used. It wraps [store.ErrUnavailable] without its message.
type unusable struct{ cause error }

// Error implements error.
func (u *unusable) Error() string { return u.cause.Error() }

// Unwrap lets [errors.Is] find [store.ErrUnavailable] and the cause.
func (u *unusable) Unwrap() []error { return []error{store.ErrUnavailable, u.cause} }

// readOnce makes a client for one [Read].
func readOnce(ctx context.Context, o cluster.Options) (cluster.Snapshot, error) {
	o = o.WithDefaults()
	client, err := dialNow(ctx, o)
	if err != nil {
		return nil, err
	}
	s, err := Read(ctx, optionsOf(o, client))
	if err = errors.Join(err, client.Close()); err != nil {
		return nil, err
	}
	return s, nil
}

// dialed is a node with a client of its own.
type dialed struct {
	*Node
	client *clientv3.Client
	log    *slog.Logger
	lease  time.Duration
	// checked means that at least one member has answered with its version, and none with one that is too old.
	checked atomic.Bool
}

// checkVersions does nothing once it has succeeded.
func (d *dialed) checkVersions(ctx context.Context) error {
	if d.checked.Load() {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, d.lease)
	defer cancel()
	err := CheckVersions(bounded, d.client, d.log)
	d.checked.Store(err == nil)
	return err
}

// Lead implements [cluster.Node].
func (d *dialed) Lead(ctx context.Context, self cluster.Peer) (cluster.Term, error) {
	if err := d.checkVersions(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", store.ErrUnavailable, err), ctx.Err())
	}
	return d.Node.Lead(ctx, self)
}

// Close implements [cluster.Node].
func (d *dialed) Close() error { return errors.Join(d.Node.Close(), d.client.Close()) }

// dialedStore is a store with a client of its own.
type dialedStore struct {
	cluster.Alone
	client *clientv3.Client
}

// Close implements [store.Store].
func (d *dialedStore) Close() error { return errors.Join(d.Alone.Close(), d.client.Close()) }
