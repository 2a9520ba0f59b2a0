package alicloudkms

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyDelete schedules the deletion of the CMK. The entry stays, so that the deletion can be cancelled, until KMS says that
// the CMK is gone.
func (b *backend) keyDelete(ctx context.Context, req *logical.Request, k target, d *framework.FieldData) (*logical.Response, error) {
	days := d.Get("pending_window_in_days").(int)
	if days < kmsapi.MinPendingWindowInDays || days > kmsapi.MaxPendingWindowInDays {
		return nil, badRequest("pending_window_in_days must be %d to %d", kmsapi.MinPendingWindowInDays, kmsapi.MaxPendingWindowInDays)
	}
	if !k.entry.DeletionAllowed {
		return nil, badRequest("deletion of key %q is not allowed; to allow it, run: vault write %skeys/%s/config deletion_allowed=true", k.name, mount(req), k.name)
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	_, err = call(ctx, conn, kms.ScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionRequest{KeyId: k.entry.KeyID, PendingWindowInDays: days})
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return b.forgetKey(ctx, req, conn, k)
	}
	if err != nil {
		return nil, err
	}
	b.Logger().Info("the deletion of a key was scheduled", "key", k.name, "key_id", k.entry.KeyID, "days", days)
	return &logical.Response{Data: map[string]any{"key_id": k.entry.KeyID, "pending_window_in_days": days}}, nil
}

// forgetKey removes the entry of a CMK that no longer exists. In another region than its own it would not be found either.
func (b *backend) forgetKey(ctx context.Context, req *logical.Request, conn *connection, k target) (*logical.Response, error) {
	if conn.region != k.entry.Region {
		return nil, conflict("the CMK %s of key %q is in %s, but the engine is configured for %s; nothing was deleted", k.entry.KeyID, k.name, k.entry.Region, conn.region)
	}
	if err := b.removeKey(ctx, req.Storage, k.name); err != nil {
		return nil, err
	}
	b.Logger().Info("a key was removed, because its CMK no longer exists", "key", k.name, "key_id", k.entry.KeyID)
	resp := &logical.Response{}
	resp.AddWarning(fmt.Sprintf("the CMK %s does not exist any more in %s, so key %q was removed", k.entry.KeyID, conn.region, k.name))
	return resp, nil
}
