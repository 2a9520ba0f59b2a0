package alicloudkms

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newDataKeyNews is what the log says when a key in envelope mode was rotated.
const newDataKeyNews = "a key has a new data key"

const (
	// defaultAutoRotate is the default interval at which a key in envelope mode gets a new data key, and minAutoRotate
	// the shortest.
	defaultAutoRotate = 30 * 24 * time.Hour
	minAutoRotate     = 24 * time.Hour
)

// checkAutoRotate refuses a period that is too short for a key in envelope mode.
func checkAutoRotate(period time.Duration) error {
	if period < 0 || period > 0 && period < minAutoRotate {
		return refusal.BadRequest("auto_rotate_period of a key in envelope mode must be 0, or 24 hours or more")
	}
	return nil
}

// rotateDataKey gives a key in envelope mode a new data key.
func (b *backend) rotateDataKey(
	ctx context.Context, req *logical.Request, conn *connection, k target,
) (*logical.Response, error) {
	row, err := b.newDataKey(ctx, conn, k)
	if err != nil {
		return nil, err
	}
	k.entry.versions = k.entry.versions.AddDataKey(row)
	if err := b.storeKey(ctx, req.Storage, k.name, k.entry); err != nil {
		return nil, err
	}
	b.Logger().Info(newDataKeyNews, "key", k.name, "key_id", k.entry.KeyID, "version", k.entry.versions.Newest())
	return rotated(k), nil
}

// rotateIfDue adds a new data key to the entry of a key that the engine rotates, if it is due and there is room. The
// caller stores it.
func (b *backend) rotateIfDue(ctx context.Context, conn *connection, k target) error {
	if !k.entry.isEnvelope() || k.entry.AutoRotate == 0 {
		return nil
	}
	switch age, known := k.entry.dataKeyAge(b.process.now()); {
	case known && age < -passEvery:
		return errMadeInFuture
	case known && age < k.entry.AutoRotate: // A data key of unknown age is due. The age of the next one will be known.
		return nil
	case k.entry.fullness(k.name) >= 1:
		return tooManyVersions(k.name)
	}
	row, err := b.newDataKey(ctx, conn, k)
	if err == nil {
		k.entry.versions = k.entry.versions.AddDataKey(row)
	}
	return err
}

// dataKeyAge returns the age of the key's newest data key. known is false if its date can't be read.
func (e *keyEntry) dataKeyAge(now time.Time) (age time.Duration, known bool) {
	made, err := time.Parse(kmsapi.TimeFormat, e.versions.NewestRow().Created)
	return now.Sub(made), err == nil
}

var errMadeInFuture = errors.New("by this node's clock its newest data key was made in the future, so it is rotated too late: check the clocks of Vault's nodes, and rotate the key by hand")
