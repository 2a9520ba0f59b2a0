package alicloudkms

import (
	"context"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// createDirectly makes CMKs without Vault, and returns their ids.
func (r *rig) createDirectly(count int) (ids []string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	defer direct.Close()
	for range count {
		made, err := direct.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{})
		require.NoError(r.t, err)
		ids = append(ids, made.KeyMetadata.KeyId)
	}
	return ids
}

func info(resp *logical.Response, name string) map[string]any {
	all, _ := resp.Data["key_info"].(map[string]any)
	one, _ := all[name].(map[string]any)
	return one
}

func TestEveryCMKIsListedWithItsNames(t *testing.T) {
	r := newKeyRig(t, "b", "other")
	r.share("a", "b")
	foreign := r.createDirectly(1)[0]
	resp := r.list("cmks", nil)
	require.ElementsMatch(t, []string{r.keyID("b"), r.keyID("other"), foreign}, resp.Data["keys"])
	require.IsIncreasing(t, resp.Data["keys"])
	require.Empty(t, resp.Warnings)
	for id, names := range map[string][]string{r.keyID("b"): {"a", "b"}, r.keyID("other"): {"other"}, foreign: {}} {
		require.Equal(t, names, info(resp, id)["names"])
		require.Contains(t, info(resp, id)["arn"], "key/"+id)
	}

	first := resp.Data["keys"].([]string)[0]
	require.Equal(t, resp.Data["keys"].([]string)[1:2], r.list("cmks", body{"after": first, "limit": "1"}).Data["keys"])
	require.Len(t, r.list("cmks", body{"limit": 1}).Data["key_info"], 1)
	for field := range resp.Data {
		require.Contains(t, listAnswer, field)
	}
}

func TestCMKsAreListedPageByPage(t *testing.T) {
	r := newKeyRig(t)
	ids := r.createDirectly(listing.PageSize + 1)
	require.ElementsMatch(t, ids, r.list("cmks", nil).Data["keys"])
	require.Equal(t, 2, r.kms.count(kmsapi.OpListKeys))

	ctx, cancel := context.WithCancel(t.Context())
	r.kms.after = func(context.Context, kmsapi.Request) error {
		cancel()
		return nil
	}
	_, err := r.tryIn(ctx, logical.ListOperation, "cmks/", nil)
	refused(t, err, 503, "ListKeys")
	require.LessOrEqual(t, r.kms.count(kmsapi.OpListKeys), 4, "a caller that has gone is not worked for")
}

func TestNamesOfCMKsCostOneStorageCall(t *testing.T) {
	r := newKeyRig(t, "a", "b", "c")
	r.list("cmks", nil)
	r.storage.reset("", 0)
	r.list("cmks", nil)
	require.Equal(t, 1, r.storage.total())
}

func TestCMKNeverSeemsToHaveNoName(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, kind := range []string{"list", "get"} {
		r.backend().keys.ForgetAll()
		r.storage.reset(kind, -1)
		if kind == "get" {
			r.storage.reset("get", 1) // The configuration is in the cache.
		}
		_, err := r.try(logical.ListOperation, "cmks/", nil)
		require.ErrorIs(t, err, errStorage, kind)
	}
	r.storage.reset("", 0)
	require.NoError(t, r.storage.Put(t.Context(), &logical.StorageEntry{Key: "key/a", Value: []byte("{}")}))
	_, err := r.try(logical.ListOperation, "cmks/", nil)
	require.ErrorContains(t, err, `key "a" is damaged`)
}

func TestKeyDeregisteredDuringAListHasNoName(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	id := r.keyID("b")
	r.backend().keys.ForgetAll()
	r.storage.onGet = func(string) {
		r.storage.onGet = nil
		r.write("keys/b/deregister", nil)
	}
	require.Equal(t, []string{}, info(r.list("cmks", nil), id)["names"])
}

func TestBadPageDoesNotReachKMS(t *testing.T) {
	r := newKeyRig(t)
	calls := r.kms.total()
	for _, path := range []string{"cmks/", "aliases/"} {
		_, err := r.try(logical.ListOperation, path, body{"limit": "many"})
		refused(t, err, 400, "limit")
	}
	require.Equal(t, calls, r.kms.total())
}

func TestPathsOfTheAccountNeedAConfiguration(t *testing.T) {
	r := newRig(t)
	for path, op := range map[string]logical.Operation{
		"cmks/": logical.ListOperation, "aliases/": logical.ListOperation, "aliases/a": logical.ReadOperation,
		"regions": logical.ReadOperation, "health": logical.ReadOperation, "keys/a/tags": logical.ReadOperation,
	} {
		_, err := r.try(op, path, nil)
		refused(t, err, 400, "vault write kms/config")
	}
	_, err := r.tryWrite("aliases/a", body{"key": "a"})
	refused(t, err, 400, "vault write kms/config")
	_, err = r.try(logical.DeleteOperation, "aliases/a", nil)
	refused(t, err, 400, "vault write kms/config")
}
