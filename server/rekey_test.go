package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// newRootKeyFile writes a root key that is zero except for its last byte, fill. It returns the path.
func newRootKeyFile(t *testing.T, fill byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.key")
	key := base64.StdEncoding.EncodeToString([]byte{31: fill})
	require.NoError(t, os.WriteFile(path, []byte(key+"\n"), 0o600))
	return path
}

// rekey puts the store of a closed service under a new root key, and replaces the root key file of c by it. It returns
// where the old root key is kept.
func rekey(t *testing.T, c server.Config, fill byte) (rekeyed server.Rekeyed, oldKey string) {
	t.Helper()
	newKey := newRootKeyFile(t, fill)
	rekeyed, err := server.Rekey(t.Context(), c, newKey, "", nil)
	require.NoError(t, err)
	oldKey = filepath.Join(t.TempDir(), "old.key")
	require.NoError(t, os.Rename(c.RootKey.File, oldKey))
	require.NoError(t, os.Rename(newKey, c.RootKey.File))
	return rekeyed, oldKey
}

func TestAStoreOfAnyLayoutIsRekeyed(t *testing.T) {
	for _, layout := range []string{"1", "2", "3"} {
		t.Run("layout "+layout, func(t *testing.T) {
			var old oldStore
			l := newLab(t, func(c *server.Config) {
				old.put(t, layout, c)
				before, err := os.ReadFile(c.Storage.Path)
				require.NoError(t, err)
				rekeyed, oldKey := rekey(t, *c, 1)
				require.Equal(t, c.Storage.Path+".replaced-1", rekeyed.Kept)
				require.Equal(t, len(old.Keys), rekeyed.Keys)
				kept, err := os.ReadFile(rekeyed.Kept)
				require.NoError(t, err)
				require.Equal(t, before, kept, "it is still of its layout")
				was := *c
				was.RootKey.File = oldKey
				report, err := server.Check(t.Context(), was, rekeyed.Kept, nil)
				require.NoError(t, err)
				require.Empty(t, report.Problems)
				require.Equal(t, report.Versions, rekeyed.Versions)
			})
			require.NotContains(t, l.log.String(), "upgraded", "it has today's layout")
			l.now = old.Now.Add(time.Second)
			byName := map[string]oldKey{}
			for _, k := range old.Keys {
				k.require(l)
				byName[k.Name] = k
			}
			l.requireWhatComesLater(t, byName)
			l.requireGood()
		})
	}
}

func TestAfterARekeyEverythingButTokensIsAsBefore(t *testing.T) {
	l := newImportLab(t)
	id := l.createKey("Description", "first")
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	imported := l.newImporter()
	imported.mustTry(material)
	l.must("DeleteKeyMaterial", "KeyId", imported.id)
	again := l.importer(imported.id, kmsapi.WrapOAEPSHA256)
	l.close()
	rekey(t, l.config, 1)
	rekeyed, _ := rekey(t, l.config, 2)
	require.Equal(t, l.config.Storage.Path+".replaced-2", rekeyed.Kept)
	l.open()
	l.now = l.now.Add(time.Second)
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	again.try(material).refused(t, kmsapi.ErrInvalidImportToken)
	fresh := l.importer(imported.id, kmsapi.WrapOAEPSHA256)
	fresh.try(otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	fresh.mustTry(material)
	l.requireGood()
}

// files returns the names of the files in a folder.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// closedStore makes a store with one key, in its own folder, on which no service runs.
func closedStore(t *testing.T) server.Config {
	c, dir := devConfig(t)
	c.Storage.Path = filepath.Join(dir, "store", "kms.db")
	require.NoError(t, os.Mkdir(filepath.Dir(c.Storage.Path), 0o700))
	require.NoError(t, servertest.Fill(t.Context(), c, 1))
	return c
}

func TestARekeyThatIsRefusedChangesNothing(t *testing.T) {
	const advice = " (a root key file holds 32 random bytes in base64, and only its owner can access it: " +
		"umask 077; openssl rand -base64 32 > FILE)"
	for _, tc := range []struct {
		name string
		// spoil breaks something before the rekey, and may return another file for the new root key.
		spoil func(t *testing.T, c *server.Config, newKey string) string
		// want has STORE, ROOT and NEW for the files' names.
		want string
	}{
		{"the root key is not that of the store", func(t *testing.T, c *server.Config, _ string) string {
			c.RootKey.File = newRootKeyFile(t, 7)
			return ""
		}, "STORE: it is under another root key, not that of ROOT; a store from before a rekey needs the root key of that time"},
		{"the new root key is the old one", func(_ *testing.T, c *server.Config, _ string) string {
			return c.RootKey.File
		}, "NEW holds the same root key as ROOT"},
		{"the new root key is in a file that does not exist", func(t *testing.T, _ *server.Config, _ string) string {
			return filepath.Join(t.TempDir(), "none")
		}, "the new root key: open NEW: no such file or directory" + advice},
		{"the new root key can be read by others", func(t *testing.T, _ *server.Config, newKey string) string {
			require.NoError(t, os.Chmod(newKey, 0o644))
			return ""
		}, "the new root key: NEW has mode 0644, so users other than its owner can access it; run: chmod 600 NEW"},
		{"the root key does not exist", func(t *testing.T, c *server.Config, _ string) string {
			c.RootKey.File = filepath.Join(t.TempDir(), "none")
			return ""
		}, "root_key: file: open ROOT: no such file or directory" + advice},
		{"there is no store", func(t *testing.T, c *server.Config, _ string) string {
			c.Storage.Path += "-none"
			return ""
		}, "STORE: no such file or directory"},
		{"the file is not a store", func(t *testing.T, c *server.Config, _ string) string {
			c.Storage.Path = filepath.Join(t.TempDir(), "kms.db")
			require.NoError(t, os.WriteFile(c.Storage.Path, []byte("not a store"), 0o600))
			return ""
		}, "STORE: the file is not a whole store: invalid database"},
		{"a record is damaged", func(t *testing.T, c *server.Config, _ string) string {
			changeStore(t, c.Storage.Path, func(w store.Writer) error {
				return errors.Join(w.Put("stray", nil), w.Put("stray too", nil))
			})
			return ""
		}, `STORE is not good: record "stray": it is not of a kind that this program knows (and 1 more)`},
		{"a service runs", func(t *testing.T, c *server.Config, _ string) string {
			opened := openStore(t, c.Storage.Path)
			t.Cleanup(func() { require.NoError(t, opened.Close()) })
			return ""
		}, "STORE: the store is in use by another process; stop the service first"},
		{"the new root key was the store's before", func(t *testing.T, c *server.Config, _ string) string {
			_, oldKey := rekey(t, *c, 3)
			return oldKey
		}, "STORE: NEW holds the root key from before the last rekey; make a new one"},
		{"the new store can't be written", func(t *testing.T, c *server.Config, _ string) string {
			// A file of an earlier process would be removed, but a folder that is not empty can't be.
			require.NoError(t, os.MkdirAll(c.Storage.Path+".rekeyed/x", 0o700))
			return ""
		}, "a new store beside STORE: directory not empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := closedStore(t)
			newKey := newRootKeyFile(t, 1)
			if other := tc.spoil(t, &c, newKey); other != "" {
				newKey = other
			}
			folder := filepath.Dir(c.Storage.Path)
			before := files(t, folder)
			content, _ := os.ReadFile(c.Storage.Path) // It may not exist.
			_, err := server.Rekey(t.Context(), c, newKey, "", nil)
			want := strings.NewReplacer("STORE", c.Storage.Path, "ROOT", c.RootKey.File, "NEW", newKey).Replace(tc.want)
			require.EqualError(t, err, want)
			require.Equal(t, before, files(t, folder))
			after, _ := os.ReadFile(c.Storage.Path)
			require.True(t, bytes.Equal(content, after))
		})
	}
}

func TestARekeyThatIsCancelledLeavesNothing(t *testing.T) {
	c := closedStore(t)
	before := files(t, filepath.Dir(c.Storage.Path))
	for cancelAt := range 8 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := server.RekeyInSteps(ctx, c, newRootKeyFile(t, 1), "", func(string) {
			if cancelAt--; cancelAt < 0 {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, before, files(t, filepath.Dir(c.Storage.Path)))
		cancel()
	}
	report, err := server.Check(t.Context(), c, "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

func TestTheRootKeyOfBeforeIsRefusedByName(t *testing.T) {
	c := closedStore(t)
	was := c.RootKey.File
	_, err := server.Rekey(t.Context(), c, newRootKeyFile(t, 1), "", nil)
	require.NoError(t, err)
	const want = "it is under another root key, not that of %s, which is the one from before its rekey; put the new one there"
	_, err = server.Open(c, server.Options{})
	require.EqualError(t, err, "root_key: file: "+c.Storage.Path+": "+fmt.Sprintf(want, was))
	report, err := server.Check(t.Context(), c, "", nil)
	require.NoError(t, err)
	require.Equal(t, []string{fmt.Sprintf(want, was)}, report.Problems)
}

func TestAStoreBehindASymbolicLinkIsReplacedWhereItIs(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, c server.Config) (kept string){
		"rekey": func(t *testing.T, c server.Config) string {
			rekeyed, err := server.Rekey(t.Context(), c, newRootKeyFile(t, 1), "", nil)
			require.NoError(t, err)
			return rekeyed.Kept
		},
		"restore": func(t *testing.T, c server.Config) string {
			backup := filepath.Join(t.TempDir(), "backup")
			_, err := server.Backup(t.Context(), c, backup, nil)
			require.NoError(t, err)
			restored, err := server.Restore(t.Context(), c, backup, true, "", nil)
			require.NoError(t, err)
			return restored.Kept
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := closedStore(t)
			path, link := c.Storage.Path, filepath.Join(t.TempDir(), "link.db")
			require.NoError(t, os.Symlink(path, link))
			c.Storage.Path = link
			before, err := os.Stat(path)
			require.NoError(t, err)
			kept := replace(t, c)
			require.Equal(t, path+".replaced-1", kept)
			target, err := os.Readlink(link)
			require.NoError(t, err)
			require.Equal(t, path, target)
			old, err := os.Stat(kept)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, old))
			for _, file := range []string{path, kept} {
				info, err := os.Lstat(file)
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o600), info.Mode())
			}
			require.Equal(t, []string{"kms.db", "kms.db.replaced-1"}, files(t, filepath.Dir(path)))
		})
	}
}

// Many records take several commits.
func TestALargeStoreIsRekeyed(t *testing.T) {
	c := closedStore(t)
	require.NoError(t, servertest.Fill(t.Context(), c, 3000))
	before, err := server.Check(t.Context(), c, "", nil)
	require.NoError(t, err)
	stages := map[server.Stage]int64{}
	rekeyed, err := server.Rekey(t.Context(), c, newRootKeyFile(t, 1), "", func(stage server.Stage, done, total int64) {
		require.LessOrEqual(t, done, total)
		stages[stage] = max(stages[stage], done)
	})
	require.NoError(t, err)
	require.Equal(t, 3001, rekeyed.Keys)
	require.Equal(t, 3001, rekeyed.Versions)
	require.Equal(t, before.Records+1, rekeyed.Records)
	require.EqualValues(t, rekeyed.Records, stages[server.Rekeying])
	require.Greater(t, stages[server.Checking], int64(rekeyed.Records-1000))
	require.Greater(t, stages[server.Copying], int64(1<<20))
}
