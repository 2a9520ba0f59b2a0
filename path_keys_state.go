package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A stateChange is a path that moves a CMK to another state.
type stateChange struct {
	path, verb, suffix string
	handle             useHandler
	synopsis, details  string
}

var stateChanges = []stateChange{
	{
		path: "enable", verb: "enable", suffix: "key",
		handle: sendForKey(func(id string) kmsapi.RequestFor[kmsapi.EnableKeyResponse] {
			return &kmsapi.EnableKeyRequest{KeyId: id}
		}),
		synopsis: "Let a disabled key be used again.",
		details:  "Enable the KMS key. Enabling an enabled KMS key is not an error.",
	},
	{
		path: "disable", verb: "disable", suffix: "key",
		handle: sendForKey(func(id string) kmsapi.RequestFor[kmsapi.DisableKeyResponse] {
			return &kmsapi.DisableKeyRequest{KeyId: id}
		}),
		synopsis: "Stop a key from being used.",
		details:  "Disable the KMS key: nobody can encrypt or decrypt with it until it is enabled again.",
	},
	{
		path: "cancel_deletion", verb: "cancel", suffix: "key-deletion",
		handle: sendForKey(func(id string) kmsapi.RequestFor[kmsapi.CancelKeyDeletionResponse] {
			return &kmsapi.CancelKeyDeletionRequest{KeyId: id}
		}),
		synopsis: "Cancel the scheduled deletion of a key.",
		details:  "Cancel the deletion of the KMS key while it is pending. The KMS key is enabled then.",
	},
}

// sendForKey handles a path by one call to KMS, whose answer shows nothing.
func sendForKey[A any](request func(keyID string) kmsapi.RequestFor[A]) useHandler {
	return func(ctx context.Context, c *connection, k target, _ *framework.FieldData) (*logical.Response, error) {
		_, err := call(ctx, c, request(k.entry.cmk()))
		return nil, err
	}
}

func (b *backend) keyStatePaths() []*framework.Path {
	paths := make([]*framework.Path, 0, len(stateChanges))
	for _, change := range stateChanges {
		paths = append(paths, &framework.Path{
			Pattern: "keys/" + fields.KeyName.Pattern + "/" + change.path,
			Fields:  fields.Schemas{"name": nameField()},
			Operations: operations{
				logical.UpdateOperation: anyNode(b.useKey(change.handle), change.verb, change.suffix, nil),
			},
			HelpSynopsis:    change.synopsis,
			HelpDescription: "\n" + change.details + "\n\n    vault write -f alicloudkms/keys/payroll/" + change.path + "\n",
		})
	}
	return paths
}
