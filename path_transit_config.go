package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// cacheSizePath is the storage key of the setting that cache-config shows.
const cacheSizePath = "transit/cache-config"

// minCacheSize is transit's smallest bounded cache, in keys.
const minCacheSize = 10

// transitConfigPaths are transit's settings that have no effect here. Programs write them, and Terraform reads them
// back.
func (b *backend) transitConfigPaths() []*framework.Path {
	size := fields.Schemas{"size": {
		Type:        framework.TypeInt,
		Description: "How many keys transit would cache. 0: all.",
	}}
	upsert := fields.Schemas{"disable_upsert": {
		Type:        framework.TypeBool,
		Description: "Whether encrypt refuses a key that does not exist. It always does.",
	}}
	return []*framework.Path{
		{
			Pattern: "cache-config",
			Fields:  size,
			Operations: operations{
				logical.UpdateOperation: primaryOnly(cacheConfigWrite, "configure", "cache", size),
				logical.ReadOperation:   anyNode(cacheConfigRead, "read", "cache-configuration", size),
			},
			HelpSynopsis: "transit's cache of keys, which has no effect here.",
			HelpDescription: `
The engine caches the entries of all keys that are used, and data keys for the cache_ttl of config, whatever the size.
The size is stored and shown for programs that write it to transit, and has no other effect.

    vault write alicloudkms/cache-config size=500
    vault read alicloudkms/cache-config
`,
		},
		{
			Pattern: "config/keys",
			Fields:  upsert,
			Operations: operations{
				logical.UpdateOperation: anyNode(keysConfigWrite, "configure", "keys", upsert),
				logical.ReadOperation:   anyNode(keysConfigRead, "read", "keys-configuration", upsert),
			},
			HelpSynopsis: "Whether encrypt makes missing keys, which it never does.",
			HelpDescription: `
A key costs money, so encrypt never makes one. transit's setting can be read, and writing it has no effect.

    vault read alicloudkms/config/keys
`,
		},
	}
}

// A cacheSize is what cache-config stores.
type cacheSize struct {
	Size int `json:"size"`
}

func cacheConfigWrite(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	size, given := d.GetOk("size")
	if n, _ := size.(int); !given || n != 0 && n < minCacheSize {
		return nil, refusal.BadRequest("size is required, and must be 0 or at least %d", minCacheSize)
	}
	entry, err := logical.StorageEntryJSON(cacheSizePath, cacheSize{size.(int)})
	if err != nil {
		return nil, err
	}
	if err := req.Storage.Put(ctx, entry); err != nil {
		return nil, err
	}
	resp := &logical.Response{Data: map[string]any{"size": size}}
	resp.AddWarning("The size has no effect: the engine caches the entries of all keys that are used.")
	return resp, nil
}

func cacheConfigRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	var stored cacheSize
	entry, err := req.Storage.Get(ctx, cacheSizePath)
	if err == nil && entry != nil {
		err = entry.DecodeJSON(&stored)
	}
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"size": stored.Size}}, nil
}

func keysConfigWrite(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	disabled, given := d.GetOk("disable_upsert")
	if !given {
		return nil, refusal.BadRequest("disable_upsert is required")
	}
	resp := keysConfig()
	if !disabled.(bool) {
		resp.AddWarning("disable_upsert=false has no effect: encrypt never makes a key, because a key costs money.")
	}
	return resp, nil
}

func keysConfigRead(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	return keysConfig(), nil
}

func keysConfig() *logical.Response {
	return &logical.Response{Data: map[string]any{"disable_upsert": true}}
}
