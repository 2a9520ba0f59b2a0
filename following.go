package alicloudkms

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// isTaken reports whether the name of a creation has another key now, so that its CMK must not get it: a CMK that is to
// follow another may follow only that one.
func (c creation) isTaken(entry *keyEntry) bool {
	if c.Follows == "" {
		return entry != nil
	}
	return entry == nil || entry.KeyID != c.Follows
}

// beginFollowing logs that a CMK will follow old, the key's current CMK, and turns off the rotation of old, whose next
// version would otherwise be newer than the CMK that follows.
func (b *backend) beginFollowing(
	ctx context.Context, req *logical.Request, conn *connection, k target, old kmsapi.KeyMetadata, c creation,
) (logged, error) {
	c.Follows = k.entry.KeyID
	isOn := old.AutomaticRotation == kmsapi.RotationEnabled
	if isOn {
		c.Interval = old.RotationInterval
	} else if err := b.inheritInterval(ctx, req.Storage, &c); err != nil {
		return logged{}, err
	}
	id, err := framework.PutWAL(ctx, req.Storage, c.kind(), c)
	if err != nil || !isOn {
		return logged{id, c}, err
	}
	_, err = call(ctx, conn, &kmsapi.UpdateRotationPolicyRequest{KeyId: k.entry.cmk()})
	if err != nil && surelyNotDone(err) {
		b.settled(context.WithoutCancel(ctx), req.Storage, id)
	}
	return logged{id, c}, err
}

// inheritInterval takes the interval from an earlier attempt that turned the rotation off and was then interrupted.
func (b *backend) inheritInterval(ctx context.Context, s logical.Storage, c *creation) error {
	begun, err := b.creationsOf(ctx, s, c.Name)
	for _, earlier := range begun {
		if earlier.Follows == c.Follows {
			c.Interval = cmp.Or(c.Interval, earlier.Interval)
		}
	}
	return err
}

// forgetIntervals keeps interrupted rotations of a key from undoing a rotation policy that was set since.
func (b *backend) forgetIntervals(ctx context.Context, s logical.Storage, name string) error {
	begun, err := b.creationsOf(ctx, s, name)
	for logID, c := range begun {
		if c.Interval == "" {
			continue
		}
		c.Interval = ""
		if err := relog(ctx, s, logID, c); err != nil {
			return err
		}
	}
	return err
}

// abandonFollowing ends a rotation for which certainly no CMK was made.
func (b *backend) abandonFollowing(ctx context.Context, s logical.Storage, conn *connection, k target, begun logged) {
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := resumeRotation(kept, conn, k.entry.cmk(), begun.Interval); err != nil {
		b.Logger().Warn("the rotation policy of a KMS key was turned off, and could not be turned on again yet",
			"key", k.name, "key_id", k.entry.KeyID, "interval", begun.Interval, "error", err)
		return // The log has it, and rollback tries again.
	}
	b.settled(kept, s, begun.id)
}

// resumeInterrupted is for rollback: no CMK follows, so the rotation of the current one goes on.
func (b *backend) resumeInterrupted(ctx context.Context, conn *connection, c creation, entry *keyEntry) error {
	if c.Follows == "" || c.isTaken(entry) {
		return nil
	}
	err := resumeRotation(ctx, conn, entry.cmk(), c.Interval)
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok && refused.Kind() == kmsapi.KindState {
		return nil // It is disabled or being deleted now.
	}
	return withKey(err, c.Name)
}

// resumeRotation turns the rotation of a CMK on again. An interval of "" means that it was not on.
func resumeRotation(ctx context.Context, conn *connection, cmk, interval string) error {
	if interval == "" {
		return nil
	}
	_, err := call(ctx, conn, &kmsapi.UpdateRotationPolicyRequest{
		KeyId: cmk, EnableAutomaticRotation: true, RotationInterval: interval,
	})
	return err
}

// completeFollowing is for interrupted rotations. It returns nil if the CMK should no longer follow.
func (b *backend) completeFollowing(
	ctx context.Context, req *logical.Request, conn *connection, c creation, cmk kmsapi.KeyMetadata,
) (*keyEntry, error) {
	if c.Imported && cmk.KeyState == kmsapi.PendingImport {
		return nil, b.keepOrGiveUp(c, refusal.Conflict(
			"the import of a version of key %q was interrupted: its KMS key %s has no key material yet; send the request again",
			c.Name, cmk.KeyId))
	}
	entry, err := loadKey(ctx, req.Storage, c.Name)
	if err != nil {
		return nil, err
	}
	if c.isTaken(entry) {
		return nil, refusal.Conflict("key %q no longer has the KMS key that %s was to replace", c.Name, cmk.KeyId)
	}
	if _, err := b.learnVersions(ctx, conn, target{c.Name, entry}); err != nil {
		return nil, err
	}
	release, err := b.reserveFollowing(ctx, req, target{c.Name, entry}, cmk)
	if isUnfit(err) {
		b.Logger().Warn("an interrupted rotation was given up, because its KMS key may no longer follow",
			"key", c.Name, "key_id", cmk.KeyId, "reason", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer release()
	next, err := b.follow(ctx, req, conn, entry, c, cmk)
	if err == nil {
		b.makeAlike(ctx, conn, target{c.Name, next}, c)
	}
	return next, err
}

// reserveFollowing refuses a CMK that may not follow, and keeps other names from taking it until release is called.
func (b *backend) reserveFollowing(
	ctx context.Context, req *logical.Request, k target, cmk kmsapi.KeyMetadata,
) (release func(), err error) {
	if err := k.entry.mayBeFollowedBy(cmk); err != nil {
		return nil, err
	}
	return b.reserveUnshared(ctx, req, k, storedCMK{KeyID: cmk.KeyId})
}

// isUnfit reports whether reserveFollowing refused a CMK, rather than failed: failing to read an entry has a status
// too.
func isUnfit(err error) bool {
	return err != nil && refusal.Status(err) < http.StatusInternalServerError
}

// follow stores the entry in which cmk follows the current CMK of entry, as its next version.
func (b *backend) follow(
	ctx context.Context, req *logical.Request, conn *connection, entry *keyEntry, c creation, cmk kmsapi.KeyMetadata,
) (*keyEntry, error) {
	next, err := b.followedBy(ctx, conn, entry, c, cmk)
	if err != nil {
		return nil, err
	}
	if err := b.storeKey(ctx, req.Storage, c.Name, next); err != nil {
		return nil, err
	}
	b.Logger().Info("a key has another KMS key as its newest version",
		"key", c.Name, "key_id", next.KeyID, "old_key_id", entry.KeyID, "version", next.versions.Newest())
	return next, nil
}

// followedBy returns the entry in which cmk follows the current CMK of entry.
func (b *backend) followedBy(
	ctx context.Context, conn *connection, entry *keyEntry, c creation, cmk kmsapi.KeyMetadata,
) (*keyEntry, error) {
	next := *entry
	next.earlier = append(withoutCMK(entry.earlier, cmk.KeyId), entry.storedCMK)
	next.storedCMK = storedCMK{KeyID: cmk.KeyId, Instance: cmk.DKMSInstanceId, Marker: c.Marker}
	if c.Given != "" {
		next.ARN = arnOf(c.Given, cmk)
	}
	rows, err := b.rowsOf(ctx, conn, target{c.Name, &next}, c, cmk)
	if err != nil {
		return nil, err
	}
	next.versions = entry.versions.Follow(rows...)
	return &next, nil
}

func withoutCMK(cmks []storedCMK, id string) []storedCMK {
	return slices.DeleteFunc(slices.Clone(cmks), func(c storedCMK) bool { return c.KeyID == id })
}

// rowsOf returns rows for a CMK that follows. In envelope mode, it is one with a data key.
func (b *backend) rowsOf(
	ctx context.Context, conn *connection, k target, c creation, cmk kmsapi.KeyMetadata,
) ([]versions.Row, error) {
	if !k.entry.isEnvelope() {
		return b.rowsOfKMS(ctx, conn, k, c, cmk)
	}
	row, err := b.newDataKey(ctx, conn, k)
	return []versions.Row{row}, err
}

// rowsOfKMS returns rows for the versions of a CMK. A CMK that was just made must be stored even if KMS does not list
// its versions.
func (b *backend) rowsOfKMS(
	ctx context.Context, conn *connection, k target, c creation, cmk kmsapi.KeyMetadata,
) ([]versions.Row, error) {
	first := []versions.Row{firstRow(cmk)}
	if c.Given == "" && first[0].KeyVersionID != "" {
		return first, nil
	}
	rows, err := listVersions(ctx, conn, k.entry)
	switch {
	case k.entry.isHidden(err):
		b.warnOfHiddenVersions(k, err)
		return first, nil
	case err != nil && c.Given == "":
		b.Logger().Warn("the version of a new KMS key is not known yet", "key", k.name, "key_id", k.entry.KeyID, "error", err)
		return first, nil
	case err == nil && len(rows) == 0:
		return first, nil
	default:
		return rows, err
	}
}
