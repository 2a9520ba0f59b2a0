package alicloudkms

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
)

const (
	// disableAfter is how long after a rotation the old access key is disabled: by then, requests signed with it have
	// ended, and other nodes have learned of the new one.
	disableAfter = 10 * time.Minute
	// deleteAfter is how long it stays disabled before it is deleted. Until then, it can be enabled again if something
	// else turns out to use it.
	deleteAfter = 24 * time.Hour
)

// isDue reports whether it is time to disable or to delete the access key.
func (k retiringKey) isDue(now time.Time) bool {
	switch {
	case k.ID == "":
		return false
	case k.Disabled.IsZero():
		return now.Sub(k.Since) >= disableAfter
	default:
		return now.Sub(k.Disabled) >= deleteAfter
	}
}

// retire takes the next step with the access key that a rotation has replaced. If that fails, it is tried again later.
func (b *backend) retire(ctx context.Context, req *logical.Request) {
	c, err := loadConfig(ctx, req.Storage)
	if err != nil || c == nil || !c.Rotation.Retiring.isDue(b.process.now()) {
		return // Requests report a damaged configuration.
	}
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return // The configuration is being changed.
	}
	defer release()
	c, err = loadConfig(ctx, req.Storage) // From now on, no request changes it.
	if err != nil || c == nil || !c.Rotation.Retiring.isDue(b.process.now()) {
		return
	}
	old := c.Rotation.Retiring.ID
	err = b.retireStep(ctx, c)
	if err == nil {
		err = b.storeConfig(ctx, req.Storage, c)
	}
	if err == nil {
		b.Logger().Info("the access key that was replaced was disabled or deleted",
			"access_key", old, "deleted", c.Rotation.Retiring.ID == "")
	} else if b.logged.First(recurring(err)) {
		b.Logger().Warn("the access key that was replaced could not be disabled or deleted yet",
			"access_key", old, "error", b.explain(req, err))
	}
}

// retireStep disables the access key, or deletes it if it was disabled a day ago. Either may already be done, by a node
// that failed to store it, or by somebody else.
func (b *backend) retireStep(ctx context.Context, c *config) error {
	user, err := c.ram(b.process.now)
	if err != nil {
		return c.invalid(err)
	}
	old, isOver := &c.Rotation.Retiring, false
	if old.Disabled.IsZero() {
		err = user.UpdateAccessKey(ctx, old.ID, ram.Inactive)
	} else {
		err, isOver = user.DeleteAccessKey(ctx, old.ID), true
	}
	switch {
	case err != nil && !ram.IsGone(err):
		return &ramError{err: err}
	case isOver || err != nil:
		*old = retiringKey{}
	default:
		old.Disabled = b.process.now()
	}
	return nil
}
