package alicloudkms

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// listCMKs returns every CMK of account and region, under its id.
func listCMKs(ctx context.Context, c *connection) (listing[kmsapi.KeyEntry], error) {
	return collect(func(page int) ([]kmsapi.KeyEntry, int, error) {
		got, err := call(ctx, c, &kmsapi.ListKeysRequest{PageNumber: page, PageSize: kmsPageSize})
		if err != nil {
			return nil, 0, err
		}
		return got.Keys.Key, got.TotalCount, nil
	}, func(k kmsapi.KeyEntry) string { return k.KeyId })
}

// cmkNames are the engine's names of CMKs, under their ids. Several keys may share one CMK.
type cmkNames map[string][]string

// of returns the names of a CMK, an empty list if it has none.
func (n cmkNames) of(id string) []string {
	if names := n[id]; names != nil {
		return names
	}
	return []string{}
}

// namesOfCMKs reads the names of all keys, and from the cache which CMKs they are. Warm, it costs one storage call. An entry
// that can't be read is an error: a CMK that seems to have no name may get deleted.
func (b *backend) namesOfCMKs(ctx context.Context, req *logical.Request) (cmkNames, error) {
	keys, err := req.Storage.List(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	names := cmkNames{}
	for _, name := range slices.Sorted(slices.Values(keys)) {
		entry, err := b.cachedKey(ctx, req, name)
		if err != nil {
			return nil, err
		}
		if entry != nil { // It is not deregistered since it was listed.
			names[entry.KeyID] = append(names[entry.KeyID], name)
		}
	}
	return names, nil
}
