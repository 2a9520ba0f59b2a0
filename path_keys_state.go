package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A stateChange is a path that moves a CMK to another state.
type stateChange struct {
	path, verb, suffix string
	call               func(ctx context.Context, c *connection, keyID string) error
	synopsis, details  string
}

var stateChanges = []stateChange{
	{
		path: "enable", verb: "enable", suffix: "key",
		call: func(ctx context.Context, c *connection, keyID string) error {
			_, err := call(ctx, c, &kmsapi.EnableKeyRequest{KeyId: keyID})
			return err
		},
		synopsis: "Let a disabled key be used again.",
		details:  "Enable the CMK. It is no error if it is enabled.",
	},
	{
		path: "disable", verb: "disable", suffix: "key",
		call: func(ctx context.Context, c *connection, keyID string) error {
			_, err := call(ctx, c, &kmsapi.DisableKeyRequest{KeyId: keyID})
			return err
		},
		synopsis: "Stop a key from being used.",
		details:  "Disable the CMK: nobody can encrypt or decrypt with it until it is enabled again.",
	},
	{
		path: "cancel_deletion", verb: "cancel", suffix: "key-deletion",
		call: func(ctx context.Context, c *connection, keyID string) error {
			_, err := call(ctx, c, &kmsapi.CancelKeyDeletionRequest{KeyId: keyID})
			return err
		},
		synopsis: "Call off the scheduled deletion of a key.",
		details:  "Cancel the deletion of the CMK while it waits for it. The CMK is enabled then.",
	},
}

func (b *backend) keyStatePaths() []*framework.Path {
	paths := make([]*framework.Path, 0, len(stateChanges))
	for _, change := range stateChanges {
		paths = append(paths, &framework.Path{
			Pattern:      "keys/" + framework.GenericNameRegex("name") + "/" + change.path,
			DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
			Fields:       map[string]*framework.FieldSchema{"name": nameField()},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: reads(b.useKey(change.handle), change.verb, change.suffix, nil),
			},
			HelpSynopsis:    change.synopsis,
			HelpDescription: "\n" + change.details + "\n\n    vault write -f alicloudkms/keys/payroll/" + change.path + "\n",
		})
	}
	return paths
}

func (s stateChange) handle(ctx context.Context, c *connection, k target, _ *framework.FieldData) (*logical.Response, error) {
	return nil, s.call(ctx, c, k.entry.KeyID)
}
