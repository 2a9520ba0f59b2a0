package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Snapshot is a [cluster.Snapshot] of a store in etcd.
type Snapshot struct {
	records  *records
	leader   leader
	versions []string
}

var _ cluster.Snapshot = (*Snapshot)(nil)

// Read reads the whole store at one revision. It includes a committed update whose records are not yet written. The
// error wraps [store.ErrDamaged], or [store.ErrUnavailable].
func Read(ctx context.Context, o Options) (*Snapshot, error) {
	o = o.withDefaults()
	f := &follower{
		client: o.Client, keys: newLayout(o.Prefix), log: o.Logger, lease: o.Lease, heard: func() {}, progress: o.Progress,
	}
	s, err := f.load(ctx)
	switch {
	case errors.Is(err, store.ErrDamaged):
		return nil, err
	case err != nil:
		return nil, &unusable{fmt.Errorf("etcd: %w", err)}
	}
	return &Snapshot{s.records, s.leader, versionsOf(ctx, o)}, nil
}

// versionsOf returns the versions of the members that answer in time.
func versionsOf(ctx context.Context, o Options) []string {
	ctx, cancel := context.WithTimeout(ctx, o.Lease)
	defer cancel()
	found, _ := askVersions(ctx, o.Client)
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(version string) bool { return version == "" })
}

// View implements [cluster.Snapshot].
func (s *Snapshot) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return read(s.records, fn)
}

// Backup implements [cluster.Snapshot].
func (s *Snapshot) Backup(ctx context.Context, w io.Writer) error { return s.records.archive(ctx, w) }

// Len implements [cluster.Snapshot].
func (s *Snapshot) Len() int { return s.records.Len() }

// Leader implements [cluster.Snapshot].
func (s *Snapshot) Leader() (cluster.Peer, bool) { return s.leader.Peer, s.leader.created != 0 }

// Versions implements [cluster.Snapshot].
func (s *Snapshot) Versions() []string { return s.versions }
