package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// StoreName returns the name of the store of c in messages: the path of its file, or its prefix and endpoints in etcd.
func StoreName(c Config) string {
	if c.Etcd == nil {
		return c.Storage.Path
	}
	return fmt.Sprintf("%s in etcd %s", c.Etcd.KeyPrefix(), strings.Join(c.Etcd.Endpoints, ","))
}

// etcdStore is the store of a configuration in etcd, as a command uses it that is not a node.
type etcdStore struct {
	config Config
	// command is the name of the command, shown to others that find the store in use.
	command  string
	progress Progress
	// salvage makes lead open a store even if part of it is lost.
	salvage bool
	// step is called after each step of a large update.
	step func(name string)
}

// read reads the whole store. A service may be running on it.
func (e etcdStore) read(ctx context.Context) (cluster.Snapshot, error) {
	engine, options, err := e.engine()
	if err != nil {
		return nil, err
	}
	e.progress.at(Reading, 0, 0)
	options.Progress = e.progress.of(Reading)
	snapshot, err := engine.Read(ctx, options)
	if err != nil {
		return nil, e.fault(err)
	}
	return snapshot, nil
}

// lead opens the store. Until it is closed, no node can become the active one. The error wraps [ErrInUse] if a node is
// active already.
func (e etcdStore) lead(ctx context.Context) (cluster.Alone, error) {
	engine, options, err := e.engine()
	if err != nil {
		return nil, err
	}
	options.Progress, options.Step, options.Salvage = e.progress.of(Writing), e.step, e.salvage
	opened, err := engine.Open(ctx, options, cluster.Peer{Name: e.holder()})
	if errors.Is(err, store.ErrLocked) {
		err = fmt.Errorf("%w; stop the service on all machines first", err)
	}
	if err != nil {
		return nil, e.fault(err)
	}
	return opened, nil
}

// holder returns the name that others see as the active node. It has no address, since a command serves no requests.
func (e etcdStore) holder() string {
	name := "alicloudkms " + e.command
	if host, err := os.Hostname(); err == nil {
		name += " on " + host
	}
	return name
}

// engine returns the registered engine and its options, with the files that the configuration names for etcd.
func (e etcdStore) engine() (cluster.Engine, cluster.Options, error) {
	engine, linked := cluster.Registered()
	if err := engineFault(e.config, linked); err != nil {
		return engine, cluster.Options{}, err
	}
	files := &nodeFiles{}
	if err := files.loadEtcd(e.config.Etcd, e.config.Place().Block("etcd", 0, "")); err != nil {
		return engine, cluster.Options{}, err
	}
	return engine, files.engineOptions(e.config, newStoreTLS(files.etcd), Options{}.withDefaults()), nil
}

// fault returns err as a fault of the configuration's etcd block.
func (e etcdStore) fault(err error) error {
	return fieldOf(e.config, "etcd", "endpoints").Fault(fmt.Errorf("%s: %w", StoreName(e.config), err))
}

// condition is an error of package os with a message that also fits etcd.
type condition struct {
	words string
	is    error
}

func (c *condition) Error() string { return c.words }

func (c *condition) Unwrap() error { return c.is }

var (
	errEmpty error = &condition{"there is no store yet", os.ErrNotExist}
	errTaken error = &condition{"there is a store already", os.ErrExist}
)

// records are the records of a store, or of a snapshot or backup of one.
type records interface {
	View(ctx context.Context, fn func(store.Reader) error) error
}

// unstructured makes a keyring.Archive of a store that has no file structure to verify.
type unstructured struct{ records }

// Verify implements keyring.Archive.
func (unstructured) Verify(context.Context, func(error) bool) error { return nil }

// Len implements keyring.Archive.
func (u unstructured) Len(ctx context.Context) (n int, err error) {
	err = u.View(ctx, func(r store.Reader) error {
		n = 0
		return r.Scan("", "", func(string, []byte) (bool, error) {
			n++
			return true, nil
		})
	})
	return n, err
}

// isEmpty reports whether there are no records.
func isEmpty(ctx context.Context, in records) (empty bool, err error) {
	err = in.View(ctx, func(r store.Reader) error {
		_, err := r.Nth("", "", 1)
		empty = errors.Is(err, store.ErrNotFound)
		if empty {
			return nil
		}
		return err
	})
	return empty, err
}
