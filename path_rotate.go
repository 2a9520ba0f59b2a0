package alicloudkms

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

func (b *backend) rotatePaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/rotate",
		Fields: fields.Schemas{
			"name": nameField(),
			"new_cmk": {
				Type:        framework.TypeBool,
				Description: "Whether to make a new KMS key like the present one, as the next version. It costs what a KMS key costs.",
			},
			"key_id": {
				Type:        framework.TypeString,
				Description: `An existing KMS key, as the next version: its id, or an alias of it that begins with "alias/". For a KMS key of another account: its ARN.`,
			},
		},
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.answeredWhole(b.changeKey(b.keyRotate)), "rotate", "key", keyAnswer),
		},
		HelpSynopsis: "Give a key a new version.",
		HelpDescription: `
Give a key a new version, which encrypts from then on. Ciphertexts of older versions still open; rewrap encrypts
them again with the newest one.

    vault write -f alicloudkms/keys/payroll/rotate
    vault write alicloudkms/keys/payroll/rotate new_cmk=true
    vault write alicloudkms/keys/payroll/rotate key_id=1234abcd-12ab-34cd-56ef-1234567890ab

The first asks KMS for a new version of the KMS key, which KMS can't make for every kind of key; a key in envelope
mode gets a new data key. The others change to another KMS key: a new one with the same description, tags, protection
level, deletion protection and rotation policy, or an existing one. KMS's aliases stay with the old KMS key, whose
rotation policy is turned off.
`,
	}}
}

func (b *backend) keyRotate(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) (*logical.Response, error) {
	isNew, given := d.Get("new_cmk").(bool), d.Get("key_id").(string)
	switch _, ok := d.GetOk("key_id"); {
	case ok && isNew:
		return nil, refusal.BadRequest("give new_cmk=true or key_id, not both")
	case ok && (given == "" || len(given) > maxKeyID):
		return nil, badKeyID()
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := b.readyForVersion(ctx, conn, k); err != nil {
		return nil, err
	}
	switch {
	case isNew:
		return b.rotateToNew(ctx, req, conn, k)
	case given != "":
		return b.rotateToGiven(ctx, req, conn, k, given)
	case k.entry.isEnvelope():
		return b.rotateDataKey(ctx, req, conn, k)
	default:
		return b.rotateVersion(ctx, req, conn, k)
	}
}

// readyForVersion adds rows to the entry for all existing versions, and refuses if there is no room for another.
func (b *backend) readyForVersion(ctx context.Context, conn *connection, k target) error {
	if err := k.checkRegion(conn); err != nil {
		return err
	}
	if _, err := b.learnVersions(ctx, conn, k); err != nil {
		return err
	}
	if k.entry.fullness(k.name) >= 1 {
		return tooManyVersions(k.name)
	}
	return nil
}

// checkRegion refuses a key whose CMKs are not in the configured region, where KMS would not find them.
func (k target) checkRegion(conn *connection) error {
	if k.entry.Region == conn.region {
		return nil
	}
	return refusal.Conflict("key %q was made in %s, and the engine is now configured for %s",
		k.name, k.entry.Region, conn.region)
}

// rotated answers with the entry of a key that has a new version.
func rotated(k target, warnings ...string) *logical.Response {
	resp := k.entry.withVersions(k.name)
	for _, warning := range warnings {
		resp.AddWarning(warning)
	}
	if full := k.entry.fullness(k.name); full >= nearlyFull {
		resp.AddWarning(fmt.Sprintf("The key's entry is %d%% full: drop old versions with trim, or the key can't be rotated when it is full",
			int(full*100)))
	}
	return resp
}
