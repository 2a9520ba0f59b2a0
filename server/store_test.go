package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// openStore opens the store of a service that is not running.
func openStore(t testing.TB, path string) *bolt.Store {
	t.Helper()
	opened, err := bolt.Open(path, store.Options{})
	require.NoError(t, err)
	return opened
}

// changeStore changes the store of a service that is not running.
func changeStore(t testing.TB, path string, change func(store.Writer) error) {
	t.Helper()
	opened := openStore(t, path)
	require.NoError(t, opened.Update(t.Context(), change))
	require.NoError(t, opened.Close())
}

// storedRecords reads the whole store of a service that is not running.
func storedRecords(t testing.TB, path string) map[string]string {
	t.Helper()
	opened := openStore(t, path)
	all := map[string]string{}
	require.NoError(t, opened.View(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(path string, value []byte) (bool, error) {
			all[path] = string(value)
			return true, nil
		})
	}))
	require.NoError(t, opened.Close())
	return all
}
