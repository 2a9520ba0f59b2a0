package alicloudkms

import (
	"cmp"
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
	// names and instances are keyed by CMK id. instances has the KMS instances of CMKs with a name.
	names     map[string][]string
	instances map[string]string
}

// of returns the names of a CMK, or an empty list if it has none.
func (n cmkNames) of(id string) []string {
	if names := n.names[id]; names != nil {
		return names
	}
	return []string{}
}

// besides returns the sorted names that share a CMK with the key called name, whose CMKs are cmks.
func (n cmkNames) besides(name string, cmks []storedCMK) (others []string) {
	for _, cmk := range cmks {
		others = append(others, n.names[cmk.KeyID]...)
	}
	slices.Sort(others)
	return slices.DeleteFunc(slices.Compact(others), func(other string) bool { return other == name })
}

// namesOfCMKs lists the names of all keys, and takes their CMKs from the cache. Warm, it costs one storage call. An
// entry that can't be read is an error: a CMK that seems to have no name might be deleted.
func (b *backend) namesOfCMKs(ctx context.Context, req *logical.Request) (cmkNames, error) {
	known := cmkNames{names: map[string][]string{}, instances: map[string]string{}}
	err := b.eachKey(ctx, req, func(k target) {
		for _, cmk := range k.entry.cmks() {
			known.names[cmk.KeyID] = append(known.names[cmk.KeyID], k.name)
			known.instances[cmk.KeyID] = cmk.Instance
		}
	})
	if err != nil {
		return cmkNames{}, err
	}
	return known, nil
}

// eachKey visits all keys, sorted by name, from the cache. It continues after an entry that can't be read, and returns
// the first error.
func (b *backend) eachKey(ctx context.Context, req *logical.Request, visit func(target)) error {
	names, failed := req.Storage.List(ctx, keyPrefix)
	for _, name := range slices.Sorted(slices.Values(names)) {
		if ctx.Err() != nil {
			return cmp.Or(failed, ctx.Err())
		}
		entry, err := b.cachedKey(ctx, req, name)
		failed = cmp.Or(failed, err)
		if entry != nil && err == nil { // The key may have been deregistered since.
			visit(target{name, entry})
		}
	}
	return failed
}
