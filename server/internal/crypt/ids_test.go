package crypt

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestNewIDsHaveTheirForms(t *testing.T) {
	plain, inside := NewKeyID(""), NewKeyID("hzz")
	require.True(t, IsUUID(plain))
	require.True(t, IsUUID(NewVersionID(plain)))
	require.Len(t, inside, 25)
	require.True(t, strings.HasPrefix(inside, "key-hzz"))
	version := NewVersionID(inside)
	require.Len(t, version, versionIDSize)
	require.True(t, strings.HasPrefix(version, inside+"-"))
	for _, id := range []string{plain, inside} {
		require.True(t, IsKeyID(id))
		require.True(t, IsVersionID(NewVersionID(id)))
		require.NotEqual(t, NewVersionID(id), NewVersionID(id))
	}
	require.False(t, IsVersionID(inside))
	require.False(t, IsKeyID(version))
}

func TestOtherFormsAreNotIDs(t *testing.T) {
	id := "key-hzz62f1cb66fa42qo7p3x"
	require.True(t, IsKeyID(id))
	for _, other := range []string{
		"", id[1:], id[:24], id + "0", strings.ToUpper(id), "kez" + id[3:], "key-1zz" + id[7:], id[:24] + "-", id[:24] + "/",
		id[:24] + "\n", id + "\n",
	} {
		require.False(t, IsKeyID(other), other)
		require.False(t, IsVersionID(other+"-20v29babcd"), other)
	}
	require.True(t, IsVersionID(id+"-20v29babcd"))
}

func TestABlobNamesAVersionInAnInstance(t *testing.T) {
	m := newMaterial(t, kmsapi.KeySpecAES256)
	id := NewVersionID(NewKeyID("hzz"))
	blob, err := m.Seal(id, []byte("x"), nil)
	require.NoError(t, err)
	require.Len(t, blob, 77+1)
	got, err := BlobVersionID(blob)
	require.NoError(t, err)
	require.Equal(t, id, got)
	opened, err := m.Open(blob, nil)
	require.NoError(t, err)
	require.Equal(t, "x", string(opened))
}
