package alicloudkms

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A stateChange is a path that moves the CMKs of a key to another state.
type stateChange struct {
	path, verb, suffix string
	action             cmkAction
	synopsis, details  string
}

var stateChanges = []stateChange{
	{
		path: "enable", verb: "enable", suffix: "key",
		action: cmkAction{
			done: "enabled",
			send: sending(func(cmk string) kmsapi.RequestFor[kmsapi.EnableKeyResponse] {
				return &kmsapi.EnableKeyRequest{KeyId: cmk}
			}),
		},
		synopsis: "Let a disabled key be used again.",
		details:  "Enable the KMS key. Enabling an enabled KMS key is not an error.",
	},
	{
		path: "disable", verb: "disable", suffix: "key",
		action: cmkAction{
			done: "disabled",
			send: sending(func(cmk string) kmsapi.RequestFor[kmsapi.DisableKeyResponse] {
				return &kmsapi.DisableKeyRequest{KeyId: cmk}
			}),
		},
		synopsis: "Stop a key from being used.",
		details:  "Disable the KMS key: nobody can encrypt or decrypt with it until it is enabled again.",
	},
	{
		path: "cancel_deletion", verb: "cancel", suffix: "key-deletion",
		action: cmkAction{
			done: "not scheduled for deletion",
			send: sending(func(cmk string) kmsapi.RequestFor[kmsapi.CancelKeyDeletionResponse] {
				return &kmsapi.CancelKeyDeletionRequest{KeyId: cmk}
			}),
			wasDone: func(_ context.Context, _ *connection, _ storedCMK, refused error) bool {
				return errors.Is(refused, kmsapi.ErrStateModifiedFailed)
			},
		},
		synopsis: "Cancel the scheduled deletion of a key.",
		details:  "Cancel the deletion of the KMS key while it is pending. The KMS key is then enabled.",
	},
}

// stateAnswer describes the answer to a change of state.
var stateAnswer = answerFields{"key_ids": keyIDsField("The KMS keys that are in the state, the oldest first.")}

func keyIDsField(description string) *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeStringSlice, Description: description}
}

// toState returns the handler of an action that takes no fields.
func toState(action cmkAction) stateHandler {
	return func(
		ctx context.Context, _ *logical.Request, conn *connection, k target, _ *framework.FieldData,
	) (*cmkStates, error) {
		return action.run(ctx, conn, k), nil
	}
}

// severalCMKs is part of the help of each change of state.
const severalCMKs = `
If the key has had other KMS keys before, all of them are changed, the oldest first. If that fails half-way, the error
says which ones are done; send the same request again to finish it.
`

func (b *backend) keyStatePaths() []*framework.Path {
	paths := make([]*framework.Path, 0, len(stateChanges))
	for _, change := range stateChanges {
		paths = append(paths, &framework.Path{
			Pattern: "keys/" + fields.KeyName.Pattern + "/" + change.path,
			Fields:  fields.Schemas{"name": nameField()},
			Operations: operations{
				logical.UpdateOperation: primaryOnly(
					b.changeStates(b.awaitKey, toState(change.action)), change.verb, change.suffix, stateAnswer),
			},
			HelpSynopsis: change.synopsis,
			HelpDescription: "\n" + change.details + "\n\n    vault write -f alicloudkms/keys/payroll/" + change.path + "\n" +
				severalCMKs,
		})
	}
	return paths
}
