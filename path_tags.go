package alicloudkms

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) tagPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/tags",
		Fields:  tagFields,
		Operations: operations{
			logical.ReadOperation: anyNode(b.useKey(tagsRead), "read", "key-tags",
				answerFields{"tags": {Type: framework.TypeKVPairs}}),
			logical.UpdateOperation: anyNode(b.useKey(tagsWrite), "add", "key-tags", nil),
			logical.PatchOperation: anyNode(b.useKey(tagsPatch), "patch", "key-tags", answerFields{
				"set":     {Type: framework.TypeStringSlice, Description: "The names of the tags that were added or changed."},
				"removed": {Type: framework.TypeStringSlice, Description: "The names of the tags that the KMS key no longer has."},
			}),
			logical.DeleteOperation: anyNode(b.useKey(tagsDelete), "remove", "key-tags", answerFields{
				"removed": {Type: framework.TypeStringSlice, Description: "The names of the tags that the KMS key no longer has."},
			}),
		},
		HelpSynopsis: "The tags that a key has in KMS.",
		HelpDescription: `
Write adds tags and changes the values of existing ones; other tags stay as they are. A patch also removes tags
whose value is null. Delete removes the tags in tag_keys, or all.

    vault read alicloudkms/keys/payroll/tags
    vault write alicloudkms/keys/payroll/tags tags=team=hr tags=env=prod
    vault delete alicloudkms/keys/payroll/tags tag_keys=team,env
    echo '{"tags": {"env": "test", "team": null}}' | vault patch alicloudkms/keys/payroll/tags -

A patch adds first and removes second, in two calls to KMS. Only if the KMS key has no room for new tags does
it remove first. If the second call fails, the error says what was done; the same patch can be sent again.
`,
	}}
}

var tagFields = fields.Schemas{
	"name": nameField(),
	"tags": {
		Type:        framework.TypeKVPairs,
		Description: "Names and values of the tags to add or change. In a patch, null removes a tag.",
	},
	"tag_keys": {
		Type:        framework.TypeCommaStringSlice,
		Description: "For delete: the names of the tags to remove, separated by commas. Without it, all are removed.",
		Query:       true,
	},
}

var errNoTags = refusal.BadRequest("tags is required, for example tags=team=hr")

func tagsRead(ctx context.Context, c *connection, k target, _ *framework.FieldData) (*logical.Response, error) {
	tags, err := readTags(ctx, c, k.entry.cmk())
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"tags": tags}}, nil
}

func tagsWrite(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	tags := d.Get("tags").(map[string]string)
	if len(tags) == 0 {
		return nil, errNoTags
	}
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	return nil, setTags(ctx, c, k.entry.cmk(), tags)
}

func tagsPatch(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	p, err := newTagPatch(d)
	if err != nil {
		return nil, err
	}
	if err := p.apply(ctx, c, k.entry.cmk()); err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"set": sortedKeys(p.set), "removed": p.remove}}, nil
}

func tagsDelete(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	keys, err := tagsToRemove(ctx, c, k, d)
	if err != nil {
		return nil, err
	}
	if err := removeTags(ctx, c, k.entry.cmk(), keys); err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"removed": keys}}, nil
}

// tagsToRemove returns the keys of the tags that the caller names, or of all that the key has. Tags that Alibaba Cloud
// sets for itself stay, since customers can't remove them.
func tagsToRemove(ctx context.Context, c *connection, k target, d *framework.FieldData) ([]string, error) {
	if given, ok := d.GetOk("tag_keys"); ok {
		keys := given.([]string)
		return keys, checkTagKeys("tag_keys", keys)
	}
	tags, err := readTags(ctx, c, k.entry.cmk())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(sortedKeys(tags), kmsapi.IsReservedTagKey), nil
}

// A tagPatch is a JSON merge patch of tags.
type tagPatch struct {
	set map[string]string
	// remove is sorted.
	remove []string
}

func newTagPatch(d *framework.FieldData) (tagPatch, error) {
	p := tagPatch{set: map[string]string{}, remove: []string{}}
	given, _ := d.Raw["tags"].(fields.MapPatch) // It is nil if the caller gives null in place of the map.
	for _, key := range sortedKeys(given) {
		if value := given[key]; value != nil {
			p.set[key] = *value
		} else {
			p.remove = append(p.remove, key)
		}
	}
	if len(p.set)+len(p.remove) == 0 {
		return p, errNoTags
	}
	if err := checkTags(p.set); err != nil {
		return p, err
	}
	return p, checkTagKeys("tags", p.remove)
}

// apply adds before it removes: if it stops in between, the CMK has tags too many, not too few. Only on a full CMK must
// it remove first, to make room. Both calls can be repeated, and so can the whole patch, wherever it stopped.
func (p tagPatch) apply(ctx context.Context, c *connection, keyID string) error {
	err := setTags(ctx, c, keyID, p.set)
	full := errors.Is(err, kmsapi.ErrLimitExceeded) && len(p.remove) > 0
	if err != nil && !full {
		return err
	}
	if err := removeTags(ctx, c, keyID, p.remove); err != nil {
		if !full && len(p.set) > 0 {
			return withProgress(err, "The tags with values were set first, and those to remove might not have been removed; send the same patch again.")
		}
		return err
	}
	if full {
		return withProgress(setTags(ctx, c, keyID, p.set),
			"To make room, the tags to remove were removed first, and the others might not have been set; send the same patch again once the cause is fixed.")
	}
	return nil
}
