package alicloudkms

import (
	"context"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// cmkSettings are the fields of a key's config that KMS stores with the CMK.
var cmkSettings = fields.Schemas{
	"description": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description:  "What the key is for. KMS keeps it with the KMS key, followed by a marker of the engine if it has one.",
	},
	"deletion_protection": {
		Type:        framework.TypeBool,
		Description: "Whether KMS itself refuses to schedule the deletion of the KMS key, through Vault or not.",
	},
}

// A cmkChange holds the cmkSettings that a caller gives; the others are nil.
type cmkChange struct {
	description *string
	protection  *bool
}

func cmkChangeOf(d *framework.FieldData) (c cmkChange, err error) {
	if given, ok := d.GetOk("description"); ok {
		description := given.(string)
		c.description, err = &description, checkDescription(description)
	}
	if given, ok := d.GetOk("deletion_protection"); ok {
		protection := given.(bool)
		c.protection = &protection
	}
	return c, err
}

func checkDescription(description string) error {
	if utf8.RuneCountInString(description) > maxDescription {
		return refusal.BadRequest("description is too long: it may have %d characters", maxDescription)
	}
	return nil
}

// changeCMK asks KMS for the present settings, and changes only those that differ.
func (b *backend) changeCMK(ctx context.Context, req *logical.Request, k target, change cmkChange) error {
	if change == (cmkChange{}) {
		return nil
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	found, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return err
	}
	return change.apply(ctx, conn, k, found.KeyMetadata)
}

func (c cmkChange) apply(ctx context.Context, conn *connection, k target, cmk kmsapi.KeyMetadata) error {
	done := ""
	if c.description != nil {
		if err := describeAs(ctx, conn, k, cmk, *c.description); err != nil {
			return err
		}
		done = "The description is changed."
	}
	if c.protection != nil {
		return withProgress(protect(ctx, conn, cmk, *c.protection), done)
	}
	return nil
}

// describeAs changes a CMK's description but keeps the marker at its end, for which another mount may look.
func describeAs(
	ctx context.Context, conn *connection, k target, cmk kmsapi.KeyMetadata, description string,
) error {
	if withoutMarker(cmk.Description) == description {
		return nil
	}
	if match := markerPattern.FindStringSubmatch(cmk.Description); match != nil {
		description = creation{Marker: match[1]}.describe(description)
	}
	_, err := call(ctx, conn, &kmsapi.UpdateKeyDescriptionRequest{KeyId: k.entry.cmk(), Description: description})
	return err
}

// protect turns the deletion protection of a CMK on or off.
func protect(ctx context.Context, conn *connection, cmk kmsapi.KeyMetadata, wanted bool) error {
	if isProtected(cmk) == wanted {
		return nil
	}
	_, err := call(ctx, conn, &kmsapi.SetDeletionProtectionRequest{
		ProtectedResourceArn: cmk.Arn, EnableDeletionProtection: wanted,
	})
	return err
}

func isProtected(cmk kmsapi.KeyMetadata) bool {
	return cmk.DeletionProtection == kmsapi.ProtectionEnabled
}
