package servertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// fillAtOnce is how many CMKs share a transaction.
const fillAtOnce = 2000

// Fill makes n CMKs in the store of c, each with an alias and two tags, as CreateKey and CreateAlias would, but many in
// one commit. The tag team has one of ten values, team-0 to team-9, and the tag name has the CMK's alias. Every second
// CMK has the protection level HSM. They belong to the first account and the default region. No service may run on the
// store.
func Fill(ctx context.Context, c server.Config, n int) error {
	return open(ctx, c, func(f filler) error {
		for made := 0; made < n; made += fillAtOnce {
			if err := f.fill(ctx, made, min(made+fillAtOnce, n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// filler makes CMKs in one scope.
type filler struct {
	keys  *keyring.Keyring
	scope keyring.Scope
	now   time.Time
}

// open calls work with a filler on the store of c.
func open(ctx context.Context, c server.Config, work func(filler) error) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	root, err := crypt.LoadRootKey(c.RootKey.File)
	if err != nil {
		return err
	}
	defer root.Clear()
	opened, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	o := keyring.Options{Logger: slog.New(slog.DiscardHandler), Rand: rand.Reader}
	keys, _, err := keyring.Open(ctx, opened, root, o)
	if err != nil {
		return err
	}
	return work(filler{
		keys: keys, scope: keyring.Scope{Account: c.Accounts[0].ID, Region: c.HomeRegion()}, now: time.Now(),
	})
}

// openStore opens the store of c: a file or, in a program that imports package server/etcd, an etcd without TLS.
func openStore(ctx context.Context, c server.Config) (store.Store, error) {
	if c.Etcd == nil {
		return bolt.Open(c.Storage.Path, store.Options{})
	}
	engine, linked := cluster.Registered()
	if !linked {
		return nil, errors.New("the program has no client of etcd")
	}
	lease, err := c.Etcd.TTL()
	if err != nil {
		return nil, err
	}
	o := cluster.Options{Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.KeyPrefix(), Lease: lease}
	return engine.Open(ctx, o, cluster.Peer{Name: "servertest"})
}

// fill makes the CMKs from first up to end, in one transaction.
func (f filler) fill(ctx context.Context, first, end int) error {
	return f.keys.Update(ctx, f.scope, f.now, func(w keyring.Writer) error {
		for i := first; i < end; i++ {
			if err := f.add(w, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// add makes the i-th CMK.
func (f filler) add(w keyring.Writer, i int) error {
	alias, level := AliasOf(i), kmsapi.ProtectionSoftware
	if i%2 == 1 {
		level = kmsapi.ProtectionHSM
	}
	cmk, err := f.keys.NewCMK(f.scope, f.now, keyring.Attributes{Origin: kmsapi.OriginKMS, ProtectionLevel: level})
	if err != nil {
		return err
	}
	if err := w.AddCMK(cmk); err != nil {
		return err
	}
	if err := w.PutTags(cmk.KeyID, keyring.Tags{"team": fmt.Sprint("team-", i%10), "name": alias}); err != nil {
		return err
	}
	return w.PutAlias(keyring.Alias{Name: alias, KeyID: cmk.KeyID, CreationDate: f.now})
}

// AliasOf is the alias of the i-th CMK that [Fill] makes, counted from 0.
func AliasOf(i int) string { return fmt.Sprintf("%sfilled/%07d", kmsapi.AliasPrefix, i) }
