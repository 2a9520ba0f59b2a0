package alicloudkms

import (
	"context"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// checkTags refuses what KMS would refuse in the field tags.
func checkTags(tags map[string]string) error {
	if len(tags) > kmsapi.MaxTags {
		return refusal.BadRequest("the field %q has too many: a KMS key may have %d tags", "tags", kmsapi.MaxTags)
	}
	wire := wireTags(tags)
	if err := wire.Check(); err != nil {
		return refusal.BadRequest("the field %q %s", "tags", err)
	}
	return nil
}

// checkTagKeys refuses what KMS would refuse in the tag keys that a field gives.
func checkTagKeys(field string, keys []string) error {
	wire := kmsapi.TagKeys(keys)
	if err := wire.Check(); err != nil {
		return refusal.BadRequest("the field %q %s", field, err)
	}
	return nil
}

// setTags adds tags to a CMK, and changes the values of existing ones. It does nothing if tags is empty.
func setTags(ctx context.Context, c *connection, keyID string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := call(ctx, c, &kmsapi.TagResourceRequest{KeyId: keyID, Tags: wireTags(tags)})
	return err
}

// removeTags removes tags from a CMK. A tag that the CMK does not have is not an error.
func removeTags(ctx context.Context, c *connection, keyID string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := call(ctx, c, &kmsapi.UntagResourceRequest{KeyId: keyID, TagKeys: keys})
	return err
}

func readTags(ctx context.Context, c *connection, keyID string) (map[string]string, error) {
	answer, err := call(ctx, c, &kmsapi.ListResourceTagsRequest{KeyId: keyID})
	if err != nil {
		return nil, err
	}
	tags := make(map[string]string, len(answer.Tags.Tag))
	for _, tag := range answer.Tags.Tag {
		tags[tag.TagKey] = tag.TagValue
	}
	return tags, nil
}

// wireTags returns tags in KMS's form, sorted by key.
func wireTags(tags map[string]string) kmsapi.Tags {
	wire := make(kmsapi.Tags, 0, len(tags))
	for _, key := range sortedKeys(tags) {
		wire = append(wire, kmsapi.Tag{TagKey: key, TagValue: tags[key]})
	}
	return wire
}

// sortedKeys returns the sorted keys of m. It never returns nil, so that JSON has an empty list.
func sortedKeys[V any](m map[string]V) []string {
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	return keys
}
