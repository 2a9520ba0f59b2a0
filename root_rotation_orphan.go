package alicloudkms

import (
	"context"
	"regexp"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// accessKeyID has the form of the ids that RAM gives.
var accessKeyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// deleteUnused deletes an access key that a rotation made and that is not in use: one that an interrupted rotation
// left, or the pending one if it can no longer be tried.
func (b *backend) deleteUnused(
	ctx context.Context, req *logical.Request, c *config, id string,
) (*logical.Response, error) {
	begun, err := keyCreationsOf(ctx, req.Storage, c)
	if err != nil {
		return nil, err
	}
	isPending := id != "" && id == c.Rotation.Pending.ID
	if !isPending {
		err = c.checkOrphan(req, begun, id)
	}
	if err == nil {
		err = b.deleteInRAM(ctx, c, id)
	}
	switch {
	case isPending && (err == nil || ram.IsGone(err)):
		c.Rotation.Pending = pendingKey{}
		err = b.storeConfig(ctx, req.Storage, c)
	case ram.IsGone(err):
		err = refusal.NotFound("the RAM user has no access key %s", id)
	}
	if err != nil {
		return nil, err
	}
	for logID := range begun {
		b.settled(ctx, req.Storage, logID)
	}
	b.Logger().Info("an access key that is not in use was deleted", "access_key", id)
	return &logical.Response{Data: map[string]any{"deleted_access_key": id}}, nil
}

// checkOrphan refuses to delete an access key that an interrupted rotation can't have left.
func (c *config) checkOrphan(req *logical.Request, begun map[string]keyCreation, id string) error {
	switch {
	case !accessKeyID.MatchString(id):
		return refusal.BadRequest("delete_access_key must be the id of an access key, such as LTAI4G...")
	case id == c.AccessKey:
		return refusal.Conflict("the access key %s is in use here: vault read %sconfig", id, mount(req))
	case id == c.Rotation.Retiring.ID:
		return refusal.Conflict("the access key %s was replaced at %s; the engine deletes it a day after it has disabled it",
			id, c.Rotation.Retiring.since())
	case !mayHaveMade(begun, id):
		return refusal.Conflict("no interrupted rotation can have left the access key %s: delete it in RAM if nothing uses it", id)
	default:
		return nil
	}
}

// deleteInRAM disables an access key before deleting it, as RAM's console requires.
func (b *backend) deleteInRAM(ctx context.Context, c *config, id string) error {
	user, err := c.ram(b.process.now)
	if err != nil {
		return c.invalid(err)
	}
	err = user.UpdateAccessKey(ctx, id, ram.Inactive)
	if err == nil {
		err = user.DeleteAccessKey(ctx, id)
	}
	if err != nil {
		return &ramError{err: err}
	}
	return nil
}
