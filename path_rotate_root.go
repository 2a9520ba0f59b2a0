package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// rotateRootPath is the path that rotates the access key of the configuration.
const rotateRootPath = configPath + "/rotate-root"

func (b *backend) rotateRootPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: rotateRootPath,
		Fields: fields.Schemas{
			"delete_access_key": {
				Type:        framework.TypeString,
				Description: "The id of an access key that an interrupted rotation left in RAM, or of the pending one. It is deleted, and nothing is rotated.",
			},
		},
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.rotateRoot, "rotate", "root", rotateRootAnswer),
		},
		HelpSynopsis: "Replace the access key of the configuration with a new one that only Vault knows.",
		HelpDescription: `
Have RAM make a new access key for the RAM user of the configuration, try it until it works, use it from then on,
and retire the old one: it is disabled 10 minutes later, and deleted after another day. The RAM user must be for this
mount alone, and have no second access key.

    vault write -f alicloudkms/config/rotate-root
    vault write alicloudkms/config/rotate-root delete_access_key=LTAI...

A new access key takes some seconds to work everywhere, so a request takes 10 seconds to 2 minutes. If it ends
early, the old access key is still in use, and sending the same request again continues. If RAM's answer was lost, or
could not be stored, the next request names the access key that is left over, and delete_access_key removes it.

The RAM user needs ram:ListAccessKeys, ram:CreateAccessKey, ram:UpdateAccessKey and ram:DeleteAccessKey on itself.
Credentials of the environment, and temporary ones with a security_token, can't be rotated.
`,
	}}
}

var rotateRootAnswer = answerFields{
	"access_key":          {Type: framework.TypeString, Description: "The access key that is in use now."},
	"retiring_access_key": {Type: framework.TypeString, Description: "The access key that it replaced."},
	"retiring_since":      {Type: framework.TypeString, Description: "When it was replaced."},
	"deleted_access_key":  {Type: framework.TypeString, Description: "The access key that delete_access_key named."},
}

func (b *backend) rotateRoot(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	if err == nil && c == nil {
		err = notConfigured(req)
	}
	if err == nil {
		err = c.checkRotatable()
	}
	if err != nil {
		return nil, err
	}
	if id, given := d.GetOk("delete_access_key"); given {
		return b.deleteUnused(ctx, req, c, id.(string))
	}
	if c.Rotation.Pending.ID == "" {
		if err := b.makeSuccessor(ctx, req, c); err != nil {
			return nil, err
		}
	}
	if err := b.tryPending(ctx, req, c); err != nil {
		return nil, err
	}
	return b.usePending(ctx, req, c)
}

// checkRotatable refuses credentials that are not an access key of a RAM user, as far as that shows without asking RAM.
func (c *config) checkRotatable() error {
	switch {
	case c.AccessKey == "":
		return refusal.BadRequest("there is no access_key to rotate: the credentials are those of the Vault server's environment (use_environment=true)")
	case !c.SecurityToken.IsEmpty():
		return refusal.BadRequest("temporary credentials can't be rotated, and these have a security_token: configure the access key of a RAM user")
	default:
		return nil
	}
}
