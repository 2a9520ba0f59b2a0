package keyring

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// putOld stores a CMK with a number of versions, and an alias, as layout 1 did.
func (r *rig) putOld(w store.Writer, versions int, tags Tags, alias string) (cmk2, error) {
	old := cmk2{
		KeyID: uuid.NewString(), CreationDate: testTime, Tags: tags,
		Lifecycle: lifecycle2{State: kmsapi.Enabled, Origin: kmsapi.OriginKMS, HasMaterial: true},
	}
	var err error
	put := func(path string, record any) {
		value, e := json.Marshal(record)
		if err = e; err == nil {
			err = w.Put(path, value)
		}
	}
	for len(old.Versions) < versions {
		version, e := r.NewVersion(testScope, testTime, &CMK{KeyID: old.KeyID, KeySpec: kmsapi.KeySpecAES256})
		if e != nil {
			return old, e
		}
		old.Versions = append(old.Versions, version2{version.ID, version.CreationDate, version.Wrapped, version.Fingerprint})
		old.PrimaryVersion = version.ID
		if err := w.Put(testScope.versionPath(version.ID), []byte(old.KeyID)); err != nil {
			return old, err
		}
	}
	put(testScope.cmkPath(old.KeyID), old)
	if err == nil {
		put(testScope.aliasPath(alias), alias2{KeyID: old.KeyID, CreationDate: testTime})
	}
	if err == nil {
		err = w.Put(testScope.cmkAliasPath(old.KeyID, alias), nil)
	}
	return old, err
}

// downgraded replaces a new store with one of layout 1, made by put, checks it, and lets the keyring upgrade it.
func (r *rig) downgraded(put func(w store.Writer) error) {
	r.t.Helper()
	require.NoError(r.t, r.store.Update(r.t.Context(), func(w store.Writer) error {
		if err := w.Put(schemaPath, []byte("1")); err != nil {
			return err
		}
		return put(w)
	}))
	require.Empty(r.t, r.problems(), "the old store is good as it is, and opening it upgrades it")
	require.Empty(r.t, r.problems())
}

func TestALargeStoreOfTheFirstLayoutIsUpgraded(t *testing.T) {
	r := newRig(t)
	const many = 1300 // More than fit into a block of a list.
	r.downgraded(func(w store.Writer) error {
		for i := range many {
			if _, err := r.putOld(w, 1, nil, fmt.Sprintf("alias/a%04d", i)); err != nil {
				return err
			}
		}
		return nil
	})
	r.view(func(reader Reader) error {
		keys, err := reader.CMKs(13, 100)
		require.NoError(t, err)
		require.Equal(t, many, keys.Total)
		require.Len(t, keys.Items, 100)
		aliases, err := reader.Aliases(13, 100)
		require.NoError(t, err)
		require.Equal(t, many, aliases.Total)
		require.Equal(t, "alias/a1299", aliases.Items[99].Name)
		require.Equal(t, testTime, aliases.Items[99].CreationDate)
		return nil
	})
}

func TestAnUpgradeSplitsTheRecordsOfCMKs(t *testing.T) {
	r := newRig(t)
	var old cmk2
	tags := Tags{"a": "1", "b": ""}
	r.downgraded(func(w store.Writer) (err error) {
		old, err = r.putOld(w, 3, tags, "alias/a")
		return err
	})
	for _, v := range old.Versions {
		require.NoError(t, r.material(v.ID))
	}
	r.view(func(reader Reader) error {
		got, err := reader.Tags(old.KeyID)
		require.Equal(t, tags, got)
		return err
	})
	for path, value := range r.records() {
		require.False(t, strings.HasPrefix(value, "{"), path)
	}
}

func TestAnOldStoreWithARecordThatDoesNotDecodeIsLeftAsItIs(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
		if err := w.Put(schemaPath, []byte("2")); err != nil {
			return err
		}
		return w.Put(testScope.cmkPath(uuid.NewString()), []byte("{"))
	}))
	before := r.records()
	_, _, err := Open(t.Context(), r.store, r.root, Options{Logger: discard})
	require.ErrorContains(t, err, "record cmk/")
	require.Equal(t, before, r.records())
}

func TestAStoreOfALaterLayoutIsRefused(t *testing.T) {
	r := newRig(t)
	for _, schema := range []string{"5", "0", "-1", "+3", "03", "x", ""} {
		require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
			return w.Put(schemaPath, []byte(schema))
		}))
		_, _, err := Open(t.Context(), r.store, r.root, Options{Logger: discard})
		require.ErrorContains(t, err, fmt.Sprintf("its layout has version %q", schema))
	}
}
