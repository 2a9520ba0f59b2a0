package alicloudkms

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// listCMKs returns every CMK of the account and region, under its id.
func listCMKs(ctx context.Context, c *connection) (listing.Listing[kmsapi.KeyEntry], error) {
	return listing.Collect(func(page int) ([]kmsapi.KeyEntry, int, error) {
		got, err := call(ctx, c, &kmsapi.ListKeysRequest{PageNumber: page, PageSize: listing.PageSize})
		if err != nil {
			return nil, 0, err
		}
		return got.Keys.Key, got.TotalCount, nil
	}, func(k kmsapi.KeyEntry) string { return k.KeyId })
}

// cmkNames are the engine's names of CMKs. Several keys may share one CMK.
type cmkNames struct {
	// names and instances are under the ids of the CMKs; instances are the KMS instances that CMKs with a name are in.
	names     map[string][]string
	instances map[string]string
}

// of returns the names of a CMK, an empty list if it has none.
func (n cmkNames) of(id string) []string {
	if names := n.names[id]; names != nil {
		return names
	}
	return []string{}
}

// namesOfCMKs reads the names of all keys, and their CMKs from the cache. Warm, it costs one storage call. An entry
// that can't be read is an error: somebody may delete a CMK that seems to have no name.
func (b *backend) namesOfCMKs(ctx context.Context, req *logical.Request) (cmkNames, error) {
	var none cmkNames
	keys, err := req.Storage.List(ctx, keyPrefix)
	if err != nil {
		return none, err
	}
	known := cmkNames{names: map[string][]string{}, instances: map[string]string{}}
	for _, name := range slices.Sorted(slices.Values(keys)) {
		entry, err := b.cachedKey(ctx, req, name)
		if err != nil {
			return none, err
		}
		if entry != nil { // It was not deregistered after the list was read.
			for _, cmk := range entry.cmks() {
				known.names[cmk.KeyID] = append(known.names[cmk.KeyID], name)
				known.instances[cmk.KeyID] = cmk.Instance
			}
		}
	}
	return known, nil
}
