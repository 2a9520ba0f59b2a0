package server_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func TestABackupIsTakenWhileTheServiceWorks(t *testing.T) {
	w := configured(t, withOps(t))
	first := w.createKey()
	blob := w.must("Encrypt", "KeyId", first, "Plaintext", "text").CiphertextBlob
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for ctx.Err() == nil {
				w.do("CreateKey")
			}
		})
	}
	dir := t.TempDir()
	var paths []string
	var backups sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		path := filepath.Join(dir, name)
		paths = append(paths, path)
		backups.Go(func() {
			report, err := server.Backup(t.Context(), w.kms.Config(), path, nil)
			if err != nil || report.Keys < 1 {
				t.Errorf("backup: %v, %d keys", err, report.Keys)
			}
		})
	}
	backups.Wait()
	stop()
	writers.Wait()

	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, len(paths), "no temporary file is left")
	info, err := os.Stat(paths[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	w.must("ScheduleKeyDeletion", "KeyId", first, "PendingWindowInDays", "7")
	w.kms.Stop()
	restored, err := server.Restore(t.Context(), w.kms.Config(), paths[0], true, "", nil)
	require.NoError(t, err)
	require.FileExists(t, restored.Kept)
	w.kms.Start()
	require.Equal(t, "text", w.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	require.Equal(t, kmsapi.Enabled, w.state(first))
}

func TestABackupIsTakenFromTheFileIfNoServiceRuns(t *testing.T) {
	w, id := filled(t)
	path := filepath.Join(t.TempDir(), "backup")
	report, err := server.Backup(t.Context(), w.kms.Config(), path, nil)
	require.NoError(t, err)
	require.Equal(t, 4, report.Keys)

	require.NoError(t, os.Remove(w.kms.Config().Storage.Path))
	restored, err := server.Restore(t.Context(), w.kms.Config(), path, false, "", nil)
	require.NoError(t, err)
	require.Empty(t, restored.Kept)
	info, err := os.Stat(w.kms.Config().Storage.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	w.kms.Start()
	require.Equal(t, "first", w.must("DescribeKey", "KeyId", id).KeyMetadata.Description)
}

func TestABackupTakesNoOtherFilesPlace(t *testing.T) {
	w, _ := filled(t)
	path := w.kms.Config().Storage.Path
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = server.Backup(t.Context(), w.kms.Config(), path, nil)
	require.ErrorIs(t, err, os.ErrExist)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
}

func TestARunningServiceWithoutASocketIsToldApart(t *testing.T) {
	w := newWire(t)
	_, err := server.Backup(t.Context(), w.kms.Config(), filepath.Join(t.TempDir(), "backup"), nil)
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, "operations block")
}

func TestABackupThatIsNotGoodDoesNotAppear(t *testing.T) {
	w := configured(t, withOps(t))
	w.createKey()
	other, _ := devConfig(t)
	config := w.kms.Config()
	config.RootKey = other.RootKey
	path := filepath.Join(t.TempDir(), "backup")
	_, err := server.Backup(t.Context(), config, path, nil)
	require.ErrorIs(t, err, server.ErrNotGood)
	require.NoFileExists(t, path)
}

func TestARestoreTouchesNothingUnlessItIsRight(t *testing.T) {
	w, _ := filled(t)
	config := w.kms.Config()
	good := filepath.Join(t.TempDir(), "good")
	_, err := server.Backup(t.Context(), config, good, nil)
	require.NoError(t, err)
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)-os.Getpagesize()], 0o600))
	before, err := os.ReadFile(config.Storage.Path)
	require.NoError(t, err)
	files := func() (names []string) {
		entries, err := os.ReadDir(filepath.Dir(config.Storage.Path))
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	beside := files()

	_, err = server.Restore(t.Context(), config, good, false, "", nil)
	require.ErrorIs(t, err, os.ErrExist)
	_, err = server.Restore(t.Context(), config, cut, true, "", nil)
	require.ErrorIs(t, err, server.ErrNotGood)
	_, err = server.Restore(t.Context(), config, cut+"-none", true, "", nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	w.kms.Start()
	_, err = server.Restore(t.Context(), config, good, true, "", nil)
	require.ErrorIs(t, err, store.ErrLocked)
	w.kms.Stop()
	other, _ := devConfig(t)
	stranger := config
	stranger.RootKey = other.RootKey
	_, err = server.Restore(t.Context(), stranger, good, true, "", nil)
	require.ErrorIs(t, err, server.ErrNotGood)

	after, err := os.ReadFile(config.Storage.Path)
	require.NoError(t, err)
	require.Len(t, after, len(before))
	require.Equal(t, beside, files())
}

func TestARestoreIsNotStoppedByWhatOneThatDiedHasLeft(t *testing.T) {
	c := closedStore(t)
	path := filepath.Join(t.TempDir(), "backup")
	_, err := server.Backup(t.Context(), c, path, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.Storage.Path+".restored", []byte("half"), 0o644))
	require.NoError(t, os.Link(c.Storage.Path, c.Storage.Path+".replaced-1"))
	restored, err := server.Restore(t.Context(), c, path, true, "", nil)
	require.NoError(t, err)
	require.Equal(t, 1, restored.Keys)
	require.Equal(t, []string{"kms.db", "kms.db.replaced-1"}, files(t, filepath.Dir(c.Storage.Path)))
}

func TestADamagedStoreCanBeRestoredOver(t *testing.T) {
	w, id := filled(t)
	config := w.kms.Config()
	path := filepath.Join(t.TempDir(), "backup")
	_, err := server.Backup(t.Context(), config, path, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(config.Storage.Path, []byte("not a store"), 0o600))
	for _, number := range []string{"1", "2"} {
		restored, err := server.Restore(t.Context(), config, path, true, "", nil)
		require.NoError(t, err)
		require.Equal(t, config.Storage.Path+".replaced-"+number, restored.Kept)
	}
	w.kms.Start()
	require.Equal(t, http.StatusOK, w.do("DescribeKey", "KeyId", id).status)
}

func TestABackupThatBreaksOffDoesNotAppear(t *testing.T) {
	config, _ := devConfig(t)
	withOps(t)(&config)
	socket, err := net.Listen("unix", config.Ops.Socket)
	require.NoError(t, err)
	service := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 100_000))
		panic(http.ErrAbortHandler)
	})}
	go func() { _ = service.Serve(socket) }()
	defer service.Close()
	path := filepath.Join(t.TempDir(), "backup")
	_, err = server.Backup(t.Context(), config, path, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoFileExists(t, path)
}

func TestAServiceOutlivesABackupThatNobodyTakes(t *testing.T) {
	w := configured(t, withOps(t))
	w.createKey()
	conn, err := net.Dial("unix", w.kms.Config().Ops.Socket)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "POST /backup HTTP/1.1\r\nHost: kms\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	w.createKey()
	require.Equal(t, 2, w.must("ListKeys").TotalCount)
}
