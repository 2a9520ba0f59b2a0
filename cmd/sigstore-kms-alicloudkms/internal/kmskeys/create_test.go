package kmskeys

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const p256 = "ecdsa-sha2-256-nistp256"

func (r *rig) create(key string) ([]byte, error) {
	r.t.Helper()
	return r.keys.CreateKey(r.t.Context(), request(key), p256)
}

func TestOfTwoThatMakeAKeyAtOnceBothGetTheSame(t *testing.T) {
	r := newRig(t)
	var winner string
	r.before = func(op kmsapi.Operation) {
		if op == kmsapi.OpCreateAlias && winner == "" {
			winner = r.newKey("alias/release")
		}
	}
	public, err := r.create("alias/release")
	require.NoError(t, err)
	wanted, err := r.keys.PublicKey(t.Context(), request(winner))
	require.NoError(t, err)
	require.Equal(t, string(wanted), string(public))
	require.Len(t, r.warnings, 1)
	require.Contains(t, r.warnings[0], "schedule its deletion")
	require.NotContains(t, r.warnings[0], winner)
}

func TestAKeyWithoutItsAliasIsNamed(t *testing.T) {
	r := newRig(t)
	r.before = func(op kmsapi.Operation) {
		if op == kmsapi.OpCreateAlias {
			panic(http.ErrAbortHandler)
		}
	}
	_, err := r.create("alias/release")
	list, failed := r.admin.ListKeys(context.Background(), &kmsapi.ListKeysRequest{})
	require.NoError(t, failed)
	require.Len(t, list.Keys.Key, 1)
	require.ErrorContains(t, err, "the key "+list.Keys.Key[0].KeyId+" was made, but has no alias yet")
}

func TestAKeyThatMayHaveBeenMadeIsNotMadeTwice(t *testing.T) {
	r := newRig(t)
	var sent atomic.Int32
	r.before = func(op kmsapi.Operation) {
		if op == kmsapi.OpCreateKey {
			sent.Add(1)
			panic(http.ErrAbortHandler)
		}
	}
	_, err := r.create("alias/release")
	require.ErrorContains(t, err, "CreateKey may have run anyway, so check before you repeat it")
	require.Equal(t, int32(1), sent.Load())
}
