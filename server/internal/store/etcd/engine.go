package etcd

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Engine is this package for [cluster.Register].
func Engine() cluster.Engine { return cluster.Engine{Join: join, Open: openAlone} }

func join(ctx context.Context, o cluster.Options) (cluster.Node, error) {
	client, err := Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	j := &joined{Node: Join(optionsOf(o, client)), client: client}
	j.close = sync.OnceValue(func() error { return errors.Join(j.Node.Close(), client.Close()) })
	return j, nil
}

// optionsOf are o with a client for it.
func optionsOf(o cluster.Options, client *clientv3.Client) Options {
	options := Options{Client: client, Prefix: o.Prefix, Lease: o.Lease}
	options.Logger = o.Logger
	if o.Clock != nil {
		options.Clock = systemClock()
		options.Clock.Wall = func() time.Time { return o.Clock().Round(0) }
	}
	return options
}

// joined is a node with a client of its own, which checks the versions of etcd's members before it first stands.
type joined struct {
	*Node
	client *clientv3.Client
	good   atomic.Bool
	close  func() error
}

// Lead implements [cluster.Node]. The error of an etcd that can't be relied on wraps [ErrTooOld].
func (j *joined) Lead(ctx context.Context, self cluster.Peer) (cluster.Term, error) {
	if !j.good.Load() {
		bounded, cancel := context.WithTimeout(ctx, j.Node.lease)
		defer cancel()
		if err := CheckVersions(bounded, j.client, j.Node.log); err != nil {
			return nil, err
		}
		j.good.Store(true)
	}
	return j.Node.Lead(ctx, self)
}

// Close implements [cluster.Node].
func (j *joined) Close() error { return j.close() }

func openAlone(ctx context.Context, o cluster.Options, self cluster.Peer) (store.Store, error) {
	client, err := Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, o.Lease)
	defer cancel()
	if err := CheckVersions(bounded, client, optionsOf(o, client).withDefaults().Logger); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	opened, err := Open(ctx, optionsOf(o, client), self)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &withClient{opened, client}, nil
}

// withClient is a store with a client of its own.
type withClient struct {
	store.Store
	client *clientv3.Client
}

// Close implements [store.Store].
func (s *withClient) Close() error { return errors.Join(s.Store.Close(), s.client.Close()) }
