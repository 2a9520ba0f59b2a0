package alicloudkms

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// deletion schedules the deletion of CMKs. It can be cancelled, but nobody can use the CMKs until then.
func deletion(days int) *cmkAction {
	return &cmkAction{
		done: "scheduled for deletion",
		send: sending(func(cmk string) kmsapi.RequestFor[kmsapi.ScheduleKeyDeletionResponse] {
			return &kmsapi.ScheduleKeyDeletionRequest{KeyId: cmk, PendingWindowInDays: days}
		}),
		wasDone:    isPendingDeletion,
		remark:     "The deletion of these KMS keys was scheduled before, and their dates stay as they are",
		isCautious: true,
	}
}

// isPendingDeletion reports whether KMS refused to schedule the deletion of a CMK because it is already scheduled.
func isPendingDeletion(ctx context.Context, conn *connection, cmk storedCMK, refused error) bool {
	if !errors.Is(refused, kmsapi.ErrStateModifiedFailed) && !errors.Is(refused, kmsapi.ErrRejectedPendingDeletion) {
		return false
	}
	found, err := describeCMK(ctx, conn, cmk.cmk())
	return err == nil && found.KeyMetadata.KeyState == kmsapi.PendingDeletion
}

// keyDeletion handles delete.
func (b *backend) keyDeletion() framework.OperationFunc {
	return b.changeStates(func(_ context.Context, name string) (func(), error) { return b.reserveKey(name) }, b.keyDelete)
}

// keyDelete schedules the deletion of all CMKs of a key. The entry stays, so that the deletion can be cancelled. It
// also stays if KMS does not find a CMK, which may be in another account or region, and only out of reach for now.
func (b *backend) keyDelete(
	ctx context.Context, req *logical.Request, conn *connection, k target, d *framework.FieldData,
) (*cmkStates, error) {
	days := d.Get("pending_window_in_days").(int)
	if days < kmsapi.MinPendingWindowInDays || days > kmsapi.MaxPendingWindowInDays {
		return nil, refusal.BadRequest("pending_window_in_days must be %d to %d",
			kmsapi.MinPendingWindowInDays, kmsapi.MaxPendingWindowInDays)
	}
	if !k.entry.DeletionAllowed {
		return nil, deletionNotAllowed(req, k.name)
	}
	cmks := k.entry.cmks()
	if err := b.othersAllowDeletion(ctx, req, k.name, cmks); err != nil {
		return nil, err
	}
	if err := checkUnprotected(ctx, req, conn, k); err != nil {
		return nil, err
	}
	states := deletion(days).run(ctx, conn, k)
	states.data = map[string]any{"key_id": k.entry.KeyID, "pending_window_in_days": days}
	b.Logger().Info("the deletion of a key was scheduled", "key", k.name, "key_ids", states.done, "days", days)
	return states, nil
}

// checkUnprotected refuses to delete several CMKs if KMS would refuse to delete one of them, so that the others are not
// deleted either. CMKs that KMS does not show are not checked.
func checkUnprotected(ctx context.Context, req *logical.Request, conn *connection, k target) error {
	cmks := k.entry.cmks()
	if len(cmks) == 1 {
		return nil
	}
	for _, cmk := range cmks {
		found, err := describeCMK(ctx, conn, cmk.cmk())
		if err != nil || !isProtected(found.KeyMetadata) {
			continue
		}
		where := "in KMS"
		if cmk.KeyID == k.entry.KeyID {
			where = fmt.Sprintf("with: vault write %skeys/%s/config deletion_protection=false", mount(req), k.name)
		}
		return refusal.Conflict("the KMS key %s of key %q has KMS's deletion protection, and no deletion was scheduled; turn it off first, %s",
			cmk.KeyID, k.name, where)
	}
	return nil
}

func deletionNotAllowed(req *logical.Request, name string) error {
	return refusal.BadRequest("deletion of key %q is not allowed; to allow it, run: vault write %skeys/%s/config deletion_allowed=true",
		name, mount(req), name)
}

// othersAllowDeletion refuses if one of the CMKs of the key called name has another name here whose owner has not
// allowed its deletion: that owner would lose everything encrypted with the CMK too.
func (b *backend) othersAllowDeletion(
	ctx context.Context, req *logical.Request, name string, cmks []storedCMK,
) error {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return err
	}
	for _, other := range names.besides(name, cmks) {
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
