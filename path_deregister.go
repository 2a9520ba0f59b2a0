package alicloudkms

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

func (b *backend) deregisterPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/deregister",
		Fields:  fields.Schemas{"name": nameField()},
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.reserveName(b.keyDeregister), "deregister", "key", answerFields{
				"key_id":  {Type: framework.TypeString},
				"key_ids": keyIDsField("The KMS keys that the key had, the oldest first."),
				"region":  {Type: framework.TypeString},
				"envelope_id": {
					Type:        framework.TypeString,
					Description: "The id of the key's envelope mode. Empty if it was never in it.",
				},
			}),
		},
		HelpSynopsis: "Remove a key from Vault, and leave its KMS key alone.",
		HelpDescription: `
Remove a key from Vault. KMS is not called: the KMS key stays, and costs what it did, unless KMS has deleted it
already. The response has the ids of all KMS keys that the key had. Its ciphertexts can't be decrypted here until
they are registered again: the last of key_ids as key_id, the others as previous_key_ids, and, if there is an
envelope_id, with a ciphertext that has it. If there is no key of this name but an interrupted creation of one,
the creation is forgotten.

    vault write -f alicloudkms/keys/payroll/deregister
`,
	}}
}

// keyDeregister removes the entry, and nothing in KMS. The remains of its creation in the write-ahead log are removed
// first; they would bring the key back.
func (b *backend) keyDeregister(
	ctx context.Context, req *logical.Request, name string, _ *framework.FieldData,
) (*logical.Response, error) {
	entry, err := loadKey(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	begun, err := b.creationsOf(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	if entry == nil {
		return b.forgetCreations(ctx, req, name, begun)
	}
	known := ids(entry.cmks())
	resp := deregistered(entry.KeyID, known, entry.Region, entry.shownID())
	if left := entry.leftCMKs(); len(left) > 0 {
		resp.AddWarning("These KMS keys had no version of the key left, but stay and cost what KMS keys cost: " +
			strings.Join(ids(left), ", "))
	}
	for logID, c := range begun {
		if c.Follows != "" && !entry.hasMarker(c.Marker) {
			if err := b.forgetCreation(ctx, req, name, logID, c, resp); err != nil {
				return nil, err
			}
			continue
		}
		if !entry.hasMarker(c.Marker) {
			resp.AddWarning(fmt.Sprintf(
				"an interrupted creation of key %[1]q is not settled yet; if it has left a KMS key, that gets the name within some minutes. To forget it, run again: vault write -f %[2]skeys/%[1]s/deregister", name, mount(req)))
			continue
		}
		if err := framework.DeleteWAL(ctx, req.Storage, logID); err != nil {
			return nil, err
		}
	}
	if err := b.removeKey(ctx, req.Storage, name); err != nil {
		return nil, err
	}
	b.Logger().Info("a key was deregistered", "key", name, "key_ids", known, "region", entry.Region)
	return resp, nil
}

func deregistered(keyID string, keyIDs []string, region, envelopeID string) *logical.Response {
	return &logical.Response{Data: map[string]any{
		"key_id": keyID, "key_ids": keyIDs, "region": region, "envelope_id": envelopeID,
	}}
}

// forgetCreations removes the write-ahead log's entries for a name without a key, so that a write makes a new CMK.
func (b *backend) forgetCreations(
	ctx context.Context, req *logical.Request, name string, begun map[string]creation,
) (*logical.Response, error) {
	if len(begun) == 0 {
		return nil, unknownKey(req, name)
	}
	resp := deregistered("", []string{}, "", "")
	for logID, c := range begun {
		if err := b.forgetCreation(ctx, req, name, logID, c, resp); err != nil {
			return nil, err
		}
	}
	resp.AddWarning(fmt.Sprintf("There is no key %q", name))
	return resp, nil
}

// forgetCreation removes an entry of the write-ahead log, and warns of the CMK that it may have left.
func (b *backend) forgetCreation(
	ctx context.Context, req *logical.Request, name, logID string, c creation, resp *logical.Response,
) error {
	if err := framework.DeleteWAL(ctx, req.Storage, logID); err != nil || c.Given != "" {
		return err
	}
	what := "creation"
	if c.Follows != "" {
		what = "rotation"
	}
	marker := markerStart + c.Marker + markerEnd
	b.Logger().Warn(
		fmt.Sprintf("an interrupted %s was forgotten: if it has left a KMS key, its description ends with the marker", what),
		"key", name, "region", c.Region, "marker", marker)
	resp.AddWarning(fmt.Sprintf("An interrupted %s of key %q was forgotten: if it has left a KMS key in %s, the KMS key's description ends with %s",
		what, name, c.Region, marker))
	return nil
}
