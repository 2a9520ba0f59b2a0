package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyDelete schedules the deletion of the CMK. The entry stays, so that the deletion can be cancelled. It also stays if
// KMS does not find the CMK, since the CMK may be in another account or region, and only out of reach for now.
func (b *backend) keyDelete(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) (*logical.Response, error) {
	days := d.Get("pending_window_in_days").(int)
	if days < kmsapi.MinPendingWindowInDays || days > kmsapi.MaxPendingWindowInDays {
		return nil, refusal.BadRequest("pending_window_in_days must be %d to %d",
			kmsapi.MinPendingWindowInDays, kmsapi.MaxPendingWindowInDays)
	}
	if !k.entry.DeletionAllowed {
		return nil, deletionNotAllowed(req, k.name)
	}
	if err := b.othersAllowDeletion(ctx, req, k.name, k.entry.KeyID); err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	_, err = call(ctx, conn, &kmsapi.ScheduleKeyDeletionRequest{KeyId: k.entry.cmk(), PendingWindowInDays: days})
	if err != nil {
		return nil, err
	}
	b.Logger().Info("the deletion of a key was scheduled", "key", k.name, "key_id", k.entry.KeyID, "days", days)
	return &logical.Response{Data: map[string]any{"key_id": k.entry.KeyID, "pending_window_in_days": days}}, nil
}

func deletionNotAllowed(req *logical.Request, name string) error {
	return refusal.BadRequest("deletion of key %q is not allowed; to allow it, run: vault write %skeys/%s/config deletion_allowed=true",
		name, mount(req), name)
}

// othersAllowDeletion refuses if a CMK of the key called name has another name here whose owner has not allowed its
// deletion: that owner would lose everything encrypted with the CMK too.
func (b *backend) othersAllowDeletion(ctx context.Context, req *logical.Request, name, cmk string) error {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return err
	}
	for _, other := range names.of(cmk) {
		if other == name {
			continue
		}
		entry, err := loadKey(ctx, req.Storage, other)
		if err != nil {
			return err
		}
		if entry != nil && !entry.DeletionAllowed {
			return refusal.BadRequest("key %q has the same KMS key, and its deletion is not allowed; to allow it, run: vault write %skeys/%s/config deletion_allowed=true",
				other, mount(req), other)
		}
	}
	return nil
}
