package alicloudkms

import (
	"context"
	"maps"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// makeAlike copies the tags and the deletion protection of the earlier CMK to the one made to follow it. The key
// already has the new CMK, so a failure is only a warning, which makeAlike returns and logs.
func (b *backend) makeAlike(ctx context.Context, conn *connection, k target, c creation) (warnings []string) {
	if c.Given != "" {
		return nil
	}
	old := k.entry.earlier[len(k.entry.earlier)-1]
	for what, do := range map[string]func() error{
		"tags": func() error {
			tags, err := readTags(ctx, conn, old.cmk())
			if err != nil {
				return err
			}
			maps.DeleteFunc(tags, func(key, _ string) bool { return kmsapi.IsReservedTagKey(key) })
			return setTags(ctx, conn, k.entry.cmk(), tags)
		},
		"deletion protection": func() error { return copyProtection(ctx, conn, old, k.entry.storedCMK) },
	} {
		if err := do(); err != nil {
			b.Logger().Warn("a new KMS key is not like the one that it follows",
				"key", k.name, "key_id", k.entry.KeyID, "old_key_id", old.KeyID, "what", what, "error", err)
			warnings = append(warnings, "The new KMS key might not have the "+what+" of the old one: "+err.Error())
		}
	}
	return warnings
}

// copyProtection gives a CMK the deletion protection of another.
func copyProtection(ctx context.Context, conn *connection, from, to storedCMK) error {
	found, err := describeCMK(ctx, conn, from.cmk())
	if err != nil || found.KeyMetadata.DeletionProtection != kmsapi.ProtectionEnabled {
		return err
	}
	made, err := describeCMK(ctx, conn, to.cmk())
	if err != nil {
		return err
	}
	_, err = call(ctx, conn, &kmsapi.SetDeletionProtectionRequest{
		ProtectedResourceArn: made.KeyMetadata.Arn, EnableDeletionProtection: true,
		DeletionProtectionDescription: found.KeyMetadata.DeletionProtectionDescription,
	})
	return err
}
