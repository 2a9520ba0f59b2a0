package alicloudkms

import (
	"cmp"
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// makeSuccessor has RAM make an access key, and stores it as the pending one of c.
func (b *backend) makeSuccessor(ctx context.Context, req *logical.Request, c *config) error {
	user, err := c.ram(b.process.now)
	if err != nil {
		return c.invalid(err)
	}
	keys, err := user.ListAccessKeys(ctx)
	if err != nil {
		return &ramError{err: err, done: nothingMade}
	}
	if err := b.checkAlone(ctx, req, c, keys); err != nil {
		return err
	}
	begun := keyCreation{Origin: c.origin(), Seen: []string{c.AccessKey}, Begun: b.process.now()}
	logID, err := framework.PutWAL(ctx, req.Storage, rootKeyKind, begun)
	if err != nil {
		return err
	}
	// From here on, the access key must not be lost, even if the caller is gone.
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	made, err := user.CreateAccessKey(kept)
	if err != nil {
		return b.notMade(kept, req, logID, err)
	}
	c.Rotation.Pending = pendingKey{ID: made.AccessKeyId, Secret: made.AccessKeySecret}
	if err := b.storeConfig(kept, req.Storage, c); err != nil {
		return refusal.Internal(
			"RAM made the access key %s, but storing it failed: %s. Nothing that is in use has changed. Send the same request again: it goes on with the access key, or says how to delete it",
			made.AccessKeyId, err)
	}
	b.settled(kept, req.Storage, logID)
	b.Logger().Info("an access key was made to follow the one in use",
		"access_key", c.AccessKey, "pending_access_key", made.AccessKeyId)
	return nil
}

// notMade returns why there is no new access key. If there may be one anyway, the log entry stays.
func (b *backend) notMade(ctx context.Context, req *logical.Request, logID string, err error) error {
	if !ram.SurelyNotDone(err) {
		return &ramError{err: err, done: perhapsMade}
	}
	b.settled(ctx, req.Storage, logID)
	return &ramError{err: err, done: nothingMade}
}

const (
	nothingMade = "No access key was made, and nothing has changed"
	perhapsMade = "RAM may have made an access key, whose secret is then lost. Nothing that is in use has changed. Send the same request again: it says whether there is one, and how to delete it"
)

const (
	// proofs is how many times in a row a new access key must work, a proofGap apart: parts of Alibaba Cloud learn of
	// it at different times.
	proofs   = 5
	proofGap = 2500 * time.Millisecond
	// proofLimit bounds how long a new access key is tried.
	proofLimit = 2 * time.Minute
)

// tryPending waits until the pending access key has worked several times in a row.
func (b *backend) tryPending(ctx context.Context, req *logical.Request, c *config) error {
	next, began, row := c.withPending(b.process.now()), b.process.now(), 0
	for {
		err := b.prove(ctx, next)
		if row++; err != nil {
			row = 0
		}
		if row == proofs {
			return nil
		}
		if b.process.now().Sub(began) >= proofLimit || b.process.wait(ctx, proofGap) != nil {
			return b.notYet(req, next.AccessKey, cmp.Or(err, ctx.Err()))
		}
	}
}

// prove has KMS check the access key of c at every gateway, and STS if c assumes a role. Each check uses its own
// connections and session.
func (b *backend) prove(ctx context.Context, c *config) error {
	conn, err := b.connect(c)
	if err != nil {
		return err
	}
	defer conn.close()
	for _, gateway := range conn.gateways() {
		if _, err := gateway.probe(ctx); err != nil && !classify(err).healthy {
			return err
		}
	}
	return nil
}

// withPending returns the configuration that uses the pending access key.
func (c *config) withPending(now time.Time) *config {
	next := *c
	next.AccessKey, next.SecretKey = c.Rotation.Pending.ID, c.Rotation.Pending.Secret
	next.Rotation = rotation{Origin: c.origin(), Retiring: retiringKey{ID: c.AccessKey, Since: now}}
	return &next
}

// origin returns the access key that a caller wrote, which stands for the RAM user.
func (c *config) origin() string { return cmp.Or(c.Rotation.Origin, c.AccessKey) }

// usePending makes the pending access key the one in use.
func (b *backend) usePending(ctx context.Context, req *logical.Request, c *config) (*logical.Response, error) {
	next := c.withPending(b.process.now())
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := b.storeConfig(kept, req.Storage, next); err != nil {
		return nil, refusal.Internal(
			"the new access key %s works, but storing that it is in use failed: %s. If the old one is still in use, send the same request again. Which one is in use: vault read %sconfig",
			next.AccessKey, err, mount(req))
	}
	b.Logger().Info("the access key was rotated",
		"access_key", next.AccessKey, "retiring_access_key", next.Rotation.Retiring.ID)
	return &logical.Response{Data: map[string]any{
		"access_key":          next.AccessKey,
		"retiring_access_key": next.Rotation.Retiring.ID,
		"retiring_since":      next.Rotation.Retiring.since(),
	}}, nil
}
