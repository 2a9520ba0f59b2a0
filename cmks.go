package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// pageSize is how many CMKs are asked for at once.
const pageSize = 100

// listCMKs returns every CMK of account and region.
func listCMKs(ctx context.Context, conn *connection) ([]kmsapi.KeyEntry, error) {
	var all []kmsapi.KeyEntry
	for page := 1; ; page++ {
		got, err := call(ctx, conn, kms.ListKeys, &kmsapi.ListKeysRequest{PageNumber: page, PageSize: pageSize})
		if err != nil {
			return nil, err
		}
		all = append(all, got.Keys.Key...)
		if len(got.Keys.Key) < pageSize || page*pageSize >= got.TotalCount {
			return all, nil
		}
	}
}

// namesOfCMKs returns the names of the keys of each CMK.
func (b *backend) namesOfCMKs(ctx context.Context, req *logical.Request) (map[string][]string, error) {
	keys, err := req.Storage.List(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	names := make(map[string][]string, len(keys))
	for _, name := range keys {
		entry, err := b.cachedKey(ctx, req, name)
		if err != nil {
			return nil, err
		}
		if entry != nil {
			names[entry.KeyID] = append(names[entry.KeyID], name)
		}
	}
	return names, nil
}
