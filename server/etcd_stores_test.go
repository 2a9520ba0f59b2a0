package server_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// lead makes a node the active one on the store in etcd.
func (s *twoStores) lead() cluster.Term {
	s.t.Helper()
	engine, linked := cluster.Registered()
	require.True(s.t, linked)
	node, err := engine.Join(s.t.Context(), cluster.Options{
		Endpoints: s.etcd.Etcd.Endpoints, Prefix: s.etcd.Etcd.Prefix, Lease: longLease,
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = node.Close() })
	term, err := node.Lead(s.t.Context(), cluster.Peer{Name: "node-1", Address: "127.0.0.1:1"})
	require.NoError(s.t, err)
	return term
}

func TestAStoreInEtcdIsCheckedAndBackedUpWhileANodeIsActive(t *testing.T) {
	t.Parallel()
	s := migrated(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}), 3)
	report := requireGood(t, s.etcd, "")
	term := s.lead()
	require.Equal(t, report, requireGood(t, s.etcd, ""))
	backup := s.backup(s.etcd, "backup.db")
	require.Equal(t, report, requireGood(t, s.etcd, backup))
	require.Equal(t, report, requireGood(t, s.inFile, backup), "it is a file like all backups")
	require.True(t, term.Valid())

	waiting := withLease(s.etcd, shortLease)
	_, err := server.Restore(t.Context(), waiting, backup, true, s.at("kept.db"), nil)
	require.ErrorIs(t, err, server.ErrInUse)
	require.ErrorContains(t, err, `the active node is "node-1" at "127.0.0.1:1"; stop the service on all machines first`)
	there := s.inFile
	there.Storage.Path = s.at("there.db")
	_, err = server.Migrate(t.Context(), waiting, there, nil)
	require.ErrorIs(t, err, server.ErrInUse)
	require.NoFileExists(t, s.at("kept.db"))

	require.NoError(t, term.Store().Update(t.Context(), func(w store.Writer) error {
		return w.Put("cmk/123456/cn-hangzhou/x", []byte("{}"))
	}))
	damaged, err := server.Check(t.Context(), s.etcd, "", nil)
	require.NoError(t, err)
	require.NotEmpty(t, damaged.Problems)
	_, err = server.Backup(t.Context(), s.etcd, s.at("bad.db"), nil)
	require.ErrorIs(t, err, server.ErrNotGood)
	require.NoFileExists(t, s.at("bad.db"))
}

func TestAStoreInEtcdIsRestored(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	s := migrated(t, etcd, 3)
	backup := s.backup(s.etcd, "backup.db")
	empty := s.etcd
	place := *s.etcd.Etcd
	place.Prefix += "new/"
	empty.Etcd = &place
	_, err := server.Check(t.Context(), empty, "", nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = server.Backup(t.Context(), empty, s.at("none.db"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = server.Rekey(t.Context(), empty, newRootKeyFile(t, 1), s.at("none.db"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	restored, err := server.Restore(t.Context(), empty, backup, false, "", nil)
	require.NoError(t, err)
	require.Equal(t, 3, restored.Keys)
	require.Empty(t, restored.Kept)

	_, err = server.Restore(t.Context(), empty, backup, false, "", nil)
	require.ErrorIs(t, err, os.ErrExist)
	other := s.inFile
	other.Storage.Path = s.at("other.db")
	require.NoError(t, servertest.Fill(t.Context(), other, 2))
	_, err = server.Restore(t.Context(), empty, other.Storage.Path, true, "", nil)
	require.ErrorIs(t, err, server.ErrNoKeep)
	_, err = server.Restore(t.Context(), empty, other.Storage.Path, true, backup, nil)
	require.NoError(t, err, "the store is in that file already")
	_, err = server.Restore(t.Context(), empty, backup, true, backup, nil)
	require.ErrorIs(t, err, os.ErrExist, "the store is not in that file")
	require.Equal(t, 2, requireGood(t, empty, "").Keys)
	restored, err = server.Restore(t.Context(), empty, backup, true, s.at("kept.db"), nil)
	require.NoError(t, err)
	require.Equal(t, s.at("kept.db"), restored.Kept)
	require.Equal(t, 2, requireGood(t, empty, s.at("kept.db")).Keys)
	require.Equal(t, 3, requireGood(t, empty, "").Keys)

	require.NoError(t, os.WriteFile(s.at("cut.db"), []byte("text"), 0o600))
	_, err = server.Restore(t.Context(), empty, s.at("cut.db"), true, s.at("more.db"), nil)
	require.ErrorContains(t, err, "not a whole store")
	empty.RootKey.File = newRootKeyFile(t, 1)
	_, err = server.Restore(t.Context(), empty, other.Storage.Path, true, s.at("more.db"), nil)
	require.ErrorIs(t, err, server.ErrNotGood)
	require.NoFileExists(t, s.at("more.db"))
}

func TestADamagedStoreInEtcdIsRestored(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	s := migrated(t, etcd, 3)
	backup := s.backup(s.etcd, "backup.db")
	for _, mark := range []string{"staged x 2", "text"} {
		etcd.Put(t, s.etcd.Etcd.KeyPrefix()+"mark", mark)
		etcd.Put(t, s.etcd.Etcd.KeyPrefix()+"data/meta/schema", "text")
		report, err := server.Check(t.Context(), s.etcd, "", nil)
		require.NoError(t, err)
		require.NotEmpty(t, report.Problems)
		kept := s.at(mark + ".db")
		restored, err := server.Restore(t.Context(), s.etcd, backup, true, kept, nil)
		require.NoError(t, err)
		require.Equal(t, 3, restored.Keys)
		require.FileExists(t, kept)
		require.Equal(t, 3, requireGood(t, s.etcd, "").Keys)
	}
}

// A backup of a stopped service says that nothing was accepted after its mark. After a restore, that may no longer
// hold.
func TestARestoredStoreDoesNotKnowWhatWasAccepted(t *testing.T) {
	t.Parallel()
	s := newTwoStores(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}), 0)
	kms, err := server.Start(s.inFile, server.Options{})
	require.NoError(t, err)
	require.NoError(t, kms.Close())
	clock := func(view func(context.Context, func(store.Reader) error) error) (mark string) {
		require.NoError(t, view(t.Context(), func(r store.Reader) error {
			value, err := r.Get("meta/clock")
			mark = string(value)
			return err
		}))
		return mark
	}
	_, err = server.Restore(t.Context(), s.etcd, s.inFile.Storage.Path, false, "", nil)
	require.NoError(t, err)
	restored := clock(s.lead().Store().View)
	require.NotContains(t, restored, "exact")
	s.etcd.Etcd.Prefix += "moved/"
	_, err = server.Migrate(t.Context(), s.inFile, s.etcd, nil)
	require.NoError(t, err)
	require.Equal(t, restored+" exact", clock(s.lead().Store().View), "it is the only store")
}

func TestAStoreInEtcdOfTenThousandKeys(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	s := newTwoStores(t, etcd, 10_000)
	counts := map[server.Stage]int64{}
	begun := time.Now()
	moved, err := server.Migrate(t.Context(), s.inFile, s.etcd, func(stage server.Stage, done, total int64) {
		require.True(t, done <= total || total == 0)
		counts[stage] = done
	})
	require.NoError(t, err)
	require.Equal(t, 10_000, moved.Keys)
	require.EqualValues(t, moved.Records, counts[server.Writing])
	require.EqualValues(t, moved.Records+3, counts[server.Reading], "and leader, mark and id")
	t.Log(moved.Records, "records in", time.Since(begun))
}
