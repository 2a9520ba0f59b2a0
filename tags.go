package alicloudkms

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// checkTags finds what KMS would refuse in the field tags.
func checkTags(tags map[string]string) error {
	if len(tags) > kmsapi.MaxTags {
		return badRequest("the field %q has too many: a CMK may have %d tags", "tags", kmsapi.MaxTags)
	}
	wire := wireTags(tags)
	if err := wire.Check(); err != nil {
		return badRequest("the field %q %s", "tags", err)
	}
	return nil
}

// checkTagKeys finds what KMS would refuse in the names that a field gives.
func checkTagKeys(field string, keys []string) error {
	wire := kmsapi.TagKeys(keys)
	if err := wire.Check(); err != nil {
		return badRequest("the field %q %s", field, err)
	}
	return nil
}

// setTags adds tags to a CMK, and changes the values of those that it has. It does nothing if there are none.
func setTags(ctx context.Context, c *connection, keyID string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := call(ctx, c, &kmsapi.TagResourceRequest{KeyId: keyID, Tags: wireTags(tags)})
	return err
}

// removeTags removes tags from a CMK. It is no error if the CMK does not have them.
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

// wireTags are tags as KMS takes them, in the order of their names.
func wireTags(tags map[string]string) kmsapi.Tags {
	wire := make(kmsapi.Tags, 0, len(tags))
	for _, key := range sortedKeys(tags) {
		wire = append(wire, kmsapi.Tag{TagKey: key, TagValue: tags[key]})
	}
	return wire
}
