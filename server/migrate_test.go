package server_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAStoreMovesToEtcdAndBack(t *testing.T) {
	t.Parallel()
	s := newTwoStores(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}), 3)
	before := requireGood(t, s.inFile, "")
	stages := map[server.Stage]bool{}
	moved, err := server.Migrate(t.Context(), s.inFile, s.etcd, func(stage server.Stage, _, _ int64) {
		stages[stage] = true
	})
	require.NoError(t, err)
	require.Equal(t, map[server.Stage]bool{server.Checking: true, server.Reading: true}, stages)
	before.Records++
	require.Equal(t, before, moved.Report)
	require.False(t, moved.Already)
	require.Equal(t, before, requireGood(t, s.etcd, ""))
	require.Equal(t, "etcd", s.usable())

	where := "the store has moved to " + server.StoreName(s.etcd)
	_, err = server.Start(s.inFile, server.Options{})
	require.ErrorContains(t, err, where)
	_, err = server.CheckConfig(t.Context(), s.inFile, time.Now())
	require.ErrorContains(t, err, where)
	_, err = server.Backup(t.Context(), s.inFile, s.at("backup"), nil)
	require.ErrorIs(t, err, server.ErrNotGood)
	_, err = server.Rekey(t.Context(), s.inFile, newRootKeyFile(t, 1), "", nil)
	require.ErrorContains(t, err, where)
	again, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
	require.NoError(t, err)
	require.True(t, again.Already)
	require.Equal(t, before, again.Report)

	back, err := server.Migrate(t.Context(), s.etcd, s.inFile, nil)
	require.NoError(t, err)
	require.Equal(t, before, back.Report)
	require.Equal(t, s.inFile.Storage.Path+".replaced-1", back.Kept)
	require.Equal(t, "file", s.usable())
	kms, err := server.Start(s.inFile, server.Options{})
	require.NoError(t, err)
	_, err = server.Migrate(t.Context(), s.etcd, s.inFile, nil)
	require.ErrorIs(t, err, server.ErrInUse)
	require.ErrorContains(t, err, "the store has moved to "+s.inFile.Storage.Path, "and is in use there")
	require.NoError(t, kms.Close())
	elsewhere := s.inFile
	elsewhere.Storage.Path = s.at("elsewhere.db")
	old, err := server.Restore(t.Context(), elsewhere, back.Kept, false, "", nil)
	require.NoError(t, err, "a store that has moved is still a backup")
	require.Equal(t, before.Keys, old.Keys)
	require.Equal(t, before.Records-1, requireGood(t, elsewhere, "").Records, "it has not moved, as far as it knows")
	inEtcd := s.etcd
	place := *inEtcd.Etcd
	place.Prefix += "elsewhere/"
	inEtcd.Etcd = &place
	_, err = server.Restore(t.Context(), inEtcd, back.Kept, false, "", nil)
	require.NoError(t, err)
	require.Equal(t, before.Records-1, requireGood(t, inEtcd, "").Records)
	forth, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
	require.NoError(t, err, "what is left in etcd has moved here")
	require.Equal(t, before.Keys, forth.Keys)
	require.Equal(t, "etcd", s.usable())
}

func TestAStoreOfAnyLayoutMovesAndIsUpgradedByTheService(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	for _, layout := range []string{"1", "2", "3"} {
		t.Run("layout "+layout, func(t *testing.T) {
			t.Parallel()
			s := newTwoStores(t, etcd, 0)
			var old oldStore
			old.put(t, layout, &s.inFile)
			_, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
			require.NoError(t, err)
			require.Equal(t, len(old.Keys), requireGood(t, s.etcd, "").Keys)
			there := s.inFile
			there.Storage.Path = s.at("there.db")
			_, err = server.Migrate(t.Context(), s.etcd, there, nil)
			require.NoError(t, err)
			l := newLab(t, func(c *server.Config) { c.Storage, c.RootKey = there.Storage, there.RootKey })
			require.Contains(t, l.log.String(), "version="+layout+" to=4")
			l.now = old.Now.Add(time.Second)
			for _, k := range old.Keys {
				k.require(l)
			}
		})
	}
}

func TestAMigrationThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	for name, tc := range map[string]struct {
		// spoil breaks something before the migration from the file to etcd.
		spoil func(t *testing.T, s *twoStores)
		// want has FILE and ETCD for the names of the stores.
		want  string
		about error
	}{
		"to itself": {
			spoil: func(_ *testing.T, s *twoStores) { s.etcd = s.inFile },
			want:  "FILE: both configurations have this store",
		},
		"another root key": {
			spoil: func(t *testing.T, s *twoStores) { s.etcd.RootKey.File = newRootKeyFile(t, 1) },
			want:  "holds a root key other than ",
		},
		"the root key is not that of the store": {
			spoil: func(t *testing.T, s *twoStores) {
				s.etcd.RootKey.File = newRootKeyFile(t, 1)
				s.inFile.RootKey = s.etcd.RootKey
			},
			want: "FILE: it is under another root key, not that of ",
		},
		"no store": {
			spoil: func(_ *testing.T, s *twoStores) { s.inFile.Storage.Path += "-none" },
			want:  "FILE: no such file or directory", about: os.ErrNotExist,
		},
		"no store in etcd": {
			spoil: func(_ *testing.T, s *twoStores) {
				s.inFile, s.etcd = s.etcd, s.inFile
				s.etcd.Storage.Path += "-new"
			},
			want: "there is no store yet", about: os.ErrNotExist,
		},
		"a service on the store": {
			spoil: func(t *testing.T, s *twoStores) {
				kms, err := server.Start(s.inFile, server.Options{})
				require.NoError(t, err)
				t.Cleanup(func() { _ = kms.Close() })
			},
			want: "FILE: the store is in use by another process; stop the service first", about: server.ErrInUse,
		},
		"a store in etcd": {
			spoil: func(t *testing.T, s *twoStores) {
				s.etcd.Etcd.Prefix = migrated(t, etcd, 1).etcd.Etcd.Prefix
				s.etcd.RootKey = s.inFile.RootKey
			},
			want: "ETCD: there is a store already; a store is migrated to an empty place", about: os.ErrExist,
		},
		"a file that is no store": {
			spoil: func(t *testing.T, s *twoStores) {
				require.NoError(t, os.WriteFile(s.inFile.Storage.Path, []byte("text"), 0o600))
			},
			want: "FILE: the file is not a whole store",
		},
		"no etcd": {
			spoil: func(_ *testing.T, s *twoStores) {
				s.etcd = withLease(s.etcd, shortLease)
				s.etcd.Etcd.Endpoints = []string{"http://127.0.0.1:1"}
			},
			want: "etcd: endpoints: ETCD: etcd http://127.0.0.1:1 does not answer: ",
		},
		"it has moved to somewhere else": {
			spoil: func(t *testing.T, s *twoStores) {
				other := s.etcd
				elsewhere := *s.etcd.Etcd
				elsewhere.Prefix += "other/"
				other.Etcd = &elsewhere
				_, err := server.Migrate(t.Context(), s.inFile, other, nil)
				require.NoError(t, err)
			},
			want: "FILE: the store has moved to ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTwoStores(t, etcd, 1)
			tc.spoil(t, s)
			_, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
			require.ErrorContains(t, err, strings.NewReplacer(
				"FILE", s.inFile.Storage.Path, "ETCD", server.StoreName(s.etcd)).Replace(tc.want))
			if tc.about != nil {
				require.ErrorIs(t, err, tc.about)
			}
		})
	}
}

// A copy is worth nothing before the old store is marked as moved, so it is made again.
func TestWhatTheOldStoreGetsMeanwhileIsNotLost(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	oops := errors.New("oops")
	for name, from := range map[string]func(*twoStores) (server.Config, server.Config){
		"to etcd": func(s *twoStores) (server.Config, server.Config) { return s.inFile, s.etcd },
		"to a file": func(s *twoStores) (server.Config, server.Config) {
			there := s.inFile
			there.Storage.Path = s.at("there.db")
			return s.inFile, there
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTwoStores(t, etcd, 1)
			source, target := from(s)
			require.PanicsWithError(t, oops.Error(), func() {
				_, _ = server.MigrateInSteps(t.Context(), source, target, func(step string) {
					if step == "the copy is in its place" {
						panic(oops)
					}
				})
			})
			report, err := server.Check(t.Context(), target, "", nil)
			require.NoError(t, err)
			require.Len(t, report.Problems, 1)
			require.Contains(t, report.Problems[0], "its migration from "+source.Storage.Path+" has not ended")
			t.Run("a key is made", func(t *testing.T) {
				l := newLab(t, func(c *server.Config) { c.Storage, c.RootKey = source.Storage, source.RootKey })
				l.now = l.now.Add(time.Second)
				l.must("CreateKey")
			})
			moved, err := server.Migrate(t.Context(), source, target, nil)
			require.NoError(t, err)
			require.Empty(t, moved.Kept, "it is no store")
			require.Equal(t, 2, moved.Keys)
		})
	}
}
