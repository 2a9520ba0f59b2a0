package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) materialPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/material",
		Fields:  fields.Schemas{"name": nameField()},
		Operations: operations{
			logical.DeleteOperation: primaryOnly(
				b.changeStates(b.awaitKey, b.materialDelete), "delete", "key-material", nil),
		},
		HelpSynopsis: "Delete the key material that was imported.",
		HelpDescription: `
Delete a key's imported material from KMS at once, without a waiting period. The key stays, but neither
encrypts nor decrypts until the very same material is imported again: be sure that you have a copy.
deletion_allowed has no effect here.

    vault delete alicloudkms/keys/payroll/material
`,
	}}
}

// materialDeletion deletes the imported material of a CMK.
var materialDeletion = cmkAction{
	done: "without key material",
	send: sending(func(cmk string) kmsapi.RequestFor[kmsapi.DeleteKeyMaterialResponse] {
		return &kmsapi.DeleteKeyMaterialRequest{KeyId: cmk}
	}),
	isSilent: true,
}

// materialDelete has no guard like the deletion of a CMK, because the owner of the material can undo it. A caller that
// must not delete material must not have the path in its policies. Like an import, it acts on the current CMK.
func (b *backend) materialDelete(
	ctx context.Context, _ *logical.Request, conn *connection, k target, _ *framework.FieldData,
) (*cmkStates, error) {
	states := materialDeletion.runOn(ctx, conn, k, k.entry.storedCMK)
	if states.err == nil {
		b.Logger().Info("key material was deleted", "key", k.name, "key_id", k.entry.KeyID, "region", k.entry.Region)
	}
	return states, nil
}
