package keyring

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

var (
	testScope = Scope{Account: "123456", Region: "cn-hangzhou"}
	discard   = slog.New(slog.DiscardHandler)
	testTime  = time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC)
)

// rig is a keyring on a store of its own, used at testTime.
type rig struct {
	*Keyring
	t     testing.TB
	path  string
	store store.Store
}

func newRig(t testing.TB) *rig {
	root, err := crypt.NewRootKey(nil)
	require.NoError(t, err)
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "kms.db"), Keyring: &Keyring{root: root}}
	r.open()
	t.Cleanup(func() { require.NoError(t, r.store.Close()) })
	return r
}

// open opens the store and the keyring on it.
func (r *rig) open() {
	r.t.Helper()
	s, err := bolt.Open(r.path, store.Options{})
	require.NoError(r.t, err)
	r.store = s
	r.Keyring, _, err = Open(r.t.Context(), s, r.root, Options{Logger: discard})
	require.NoError(r.t, err)
}

func (r *rig) update(change func(Writer) error) {
	r.t.Helper()
	require.NoError(r.t, r.Update(r.t.Context(), testScope, testTime, change))
}

func (r *rig) view(read func(Reader) error) {
	r.t.Helper()
	require.NoError(r.t, r.View(r.t.Context(), testScope, testTime, read))
}

// create stores a CMK with a number of versions and tags. versionIDs has the oldest version first.
func (r *rig) create(versions, tags int) (keyID string, versionIDs []string) {
	r.t.Helper()
	cmk, err := r.NewCMK(testScope, testTime, Attributes{
		Description: "for tests", Origin: kmsapi.OriginKMS, ProtectionLevel: kmsapi.ProtectionSoftware,
	})
	require.NoError(r.t, err)
	versionIDs = append(versionIDs, cmk.Primary.ID)
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	for len(versionIDs) < versions {
		version, err := r.NewVersion(testScope, testTime, cmk)
		require.NoError(r.t, err)
		versionIDs = append(versionIDs, version.ID)
		r.update(func(w Writer) error { return w.AddVersion(cmk, version) })
	}
	all := Tags{}
	for len(all) < tags {
		all[fmt.Sprint("tag ", len(all))] = fmt.Sprint("value ", len(all))
	}
	r.update(func(w Writer) error { return w.PutTags(cmk.KeyID, all) })
	return cmk.KeyID, versionIDs
}

// records returns everything in the store.
func (r *rig) records() map[string]string {
	r.t.Helper()
	all := map[string]string{}
	require.NoError(r.t, r.store.View(r.t.Context(), func(reader store.Reader) error {
		return reader.Scan("", "", func(path string, value []byte) (bool, error) {
			all[path] = string(value)
			return true, nil
		})
	}))
	return all
}

// problems returns what the check finds. The keyring is closed for the check and opened again.
func (r *rig) problems() []string {
	r.t.Helper()
	require.NoError(r.t, r.store.Close())
	defer r.open()
	archive, err := bolt.OpenArchive(r.path)
	require.NoError(r.t, err)
	report, err := Check(r.t.Context(), archive, r.root, CheckOptions{ParseNonce: func(string) error { return nil }})
	require.NoError(r.t, err)
	require.NoError(r.t, archive.Close())
	return report.Problems
}
