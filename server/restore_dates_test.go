package server_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// backUp stops the service, makes a backup, starts the service again, and returns the backup's path.
func (l *lab) backUp() (path string) {
	l.t.Helper()
	l.close()
	path = filepath.Join(l.t.TempDir(), "backup.db")
	_, err := server.Backup(l.t.Context(), l.config, path, nil)
	require.NoError(l.t, err)
	l.openLater()
	return path
}

// restore replaces the store by a backup, and returns the keys that are overdue at now.
func (l *lab) restore(path string, now time.Time) (overdue []string) {
	l.t.Helper()
	l.close()
	_, err := server.Restore(l.t.Context(), l.config, path, true, "", nil)
	require.NoError(l.t, err)
	overdue, err = server.Overdue(l.t.Context(), l.config, now)
	require.NoError(l.t, err)
	l.now = now
	l.openLater()
	return overdue
}

// openLater opens the service and waits out the second in which it takes no requests.
func (l *lab) openLater() {
	l.t.Helper()
	l.open()
	l.now = l.now.Add(time.Second)
}

// TestADateInABackupHoldsAfterARestore follows docs/disaster.md, "A key that the restore deletes".
func TestADateInABackupHoldsAfterARestore(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	backup, then := l.backUp(), l.now
	l.must("CancelKeyDeletion", "KeyId", id)

	later := then.Add(8 * 24 * time.Hour)
	require.Equal(t, []string{id}, l.restore(backup, later))
	l.do("CancelKeyDeletion", "KeyId", id).refused(t, kmsapi.ErrKeyNotFound)

	require.Empty(t, l.restore(backup, then))
	l.must("CancelKeyDeletion", "KeyId", id)
	saved := l.backUp()
	require.Empty(t, l.restore(saved, later))
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
}
