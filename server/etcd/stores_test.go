package etcd_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// oldKey is a key in a store of an earlier layout, and a ciphertext of it: see testdata/layouts of package server.
type oldKey struct{ Name, Context, Ciphertext, Plaintext string }

// putOld puts a store of an earlier layout in the file of the lab's configuration, and returns a key in it.
func (l *lab) putOld(layout string) oldKey {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "testdata", "layouts", layout+".json"))
	require.NoError(l.t, err)
	var manifest struct {
		RootKey string `json:"root_key"`
		Keys    []oldKey
	}
	require.NoError(l.t, json.Unmarshal(content, &manifest))
	require.NoError(l.t, os.WriteFile(l.dev.Config.RootKey.File, []byte(manifest.RootKey), 0o600))
	f, err := os.Open(filepath.Join("..", "testdata", "layouts", layout+".db.gz"))
	require.NoError(l.t, err)
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	require.NoError(l.t, err)
	store, err := io.ReadAll(unpacked)
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(l.dev.Config.Storage.Path, store, 0o600))
	for _, k := range manifest.Keys {
		if k.Name == "tagged" {
			return k
		}
	}
	l.t.Fatal("the store has no such key")
	return oldKey{}
}

func (n *node) requireDecrypts(k oldKey) {
	n.lab.t.Helper()
	encryptionContext := kmsapi.EncryptionContext{}
	require.NoError(n.lab.t, json.Unmarshal([]byte(k.Context), &encryptionContext))
	got, err := n.client.Decrypt(n.lab.t.Context(), &kmsapi.DecryptRequest{
		CiphertextBlob: k.Ciphertext, EncryptionContext: encryptionContext,
	})
	require.NoError(n.lab.t, err)
	require.Equal(n.lab.t, k.Plaintext, got.Plaintext.Reveal())
}

// remark returns what `server -check` says about the store in etcd.
func (l *lab) remark() string {
	l.t.Helper()
	report, err := server.CheckConfig(l.t.Context(), l.config("check"), time.Now())
	require.NoError(l.t, err)
	return report.Remarks[0]
}

// The store is migrated to etcd, then back to a file, and restored in etcd, while a node keeps running.
func TestANodeOnAStoreThatComesAndGoes(t *testing.T) {
	l := newLab(t)
	require.Regexp(t, `^etcd: version 3\.\S+, no store yet; the first node will create it$`, l.remark())
	old := l.putOld("3")
	inFile := l.dev.Config
	inEtcd := l.config("tool")
	_, err := server.Migrate(t.Context(), inFile, inEtcd, nil)
	require.NoError(t, err)
	require.Regexp(t, `, \d+ records, layout 3 \(the first active node upgrades it to 4, which older programs don't know\)$`,
		l.remark())

	one := l.start("one")
	one.await(http.StatusOK)
	require.Regexp(t, `, \d+ records, layout 4; the active node is one$`, l.remark())
	one.requireDecrypts(old)
	backup := filepath.Join(l.dir, "backup.db")
	_, err = server.Backup(t.Context(), inEtcd, backup, nil)
	require.NoError(t, err)
	limited, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	require.NoError(t, one.Shutdown(limited))

	_, err = server.Migrate(t.Context(), inEtcd, inFile, nil)
	require.NoError(t, err)
	two := l.start("two")
	two.awaitHealth(http.StatusServiceUnavailable,
		"this node may not become the active one: the store has moved to "+inFile.Storage.Path)

	_, err = server.Restore(t.Context(), inEtcd, backup, true, filepath.Join(l.dir, "kept.db"), nil)
	require.NoError(t, err)
	two.await(http.StatusOK)
	two.requireDecrypts(old)
}
