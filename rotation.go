package alicloudkms

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// rotateVersion asks KMS for a new version of the current CMK. The call can't be repeated: if KMS does not answer, its
// list shows whether there is a new version.
func (b *backend) rotateVersion(
	ctx context.Context, req *logical.Request, conn *connection, k target,
) (*logical.Response, error) {
	got, failure := call(ctx, conn, &kmsapi.CreateKeyVersionRequest{KeyId: k.entry.cmk()})
	if failure != nil && surelyNotDone(failure) {
		return nil, failure
	}
	// From here on, storage must be written even if the caller is gone.
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	before := k.entry.versions.Newest()
	if _, err := b.learnVersions(kept, conn, k); err != nil {
		b.Logger().Warn("the versions of a KMS key could not be listed after its rotation", "key", k.name, "error", err)
	}
	if failure == nil {
		b.addVersion(kept, conn, k, got.KeyVersion)
	}
	if failure != nil && k.entry.versions.Newest() == before {
		return nil, failure
	}
	if err := b.storeKey(kept, req.Storage, k.name, k.entry); err != nil {
		return nil, refusal.Internal("KMS made a new version of the KMS key %s, but storing key %q failed: %s. The engine finds the version within an hour",
			k.entry.KeyID, k.name, err)
	}
	b.Logger().Info("a key was rotated", "key", k.name, "key_id", k.entry.KeyID, "version", k.entry.versions.Newest())
	return rotated(k), nil
}

// addVersion adds a row for a version that KMS made but did not list.
func (b *backend) addVersion(ctx context.Context, conn *connection, k target, made kmsapi.KeyVersion) {
	row := versions.Row{CMK: k.entry.KeyID, KeyVersionID: made.KeyVersionId, Created: made.CreationDate}
	public, err := publicKeyOf(ctx, conn, k.entry, made.KeyVersionId)
	if err != nil {
		b.Logger().Warn("the public key of a new version is not known yet", "key", k.name, "error", err)
	}
	row.PublicKey = public
	k.entry.versions = k.entry.versions.Add(row)
}

// rotateToNew lets a new CMK like the current one follow it.
func (b *backend) rotateToNew(
	ctx context.Context, req *logical.Request, conn *connection, k target,
) (*logical.Response, error) {
	old, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return nil, err
	}
	if old.KeyMetadata.Origin == kmsapi.OriginExternal {
		return nil, refusal.BadRequest("the material of key %q is imported, so KMS can't make a new version; import one: vault transit import-version %skeys/%[1]s @FILE",
			k.name, mount(req))
	}
	next, err := b.recoverKey(ctx, req, k.name, func(c creation) bool {
		return c.Follows == k.entry.KeyID && c.Given == "" && !c.Imported
	})
	if err != nil {
		return nil, err
	}
	if next != nil {
		return rotated(target{k.name, next}, aliasesStay(k.entry), fmt.Sprintf(
			"KMS had made the KMS key %s in an earlier attempt that was interrupted; it is now the newest version, and no other was made", next.KeyID)), nil
	}
	return b.makeNext(ctx, req, conn, k, old.KeyMetadata)
}

// makeNext makes the CMK that follows old.
func (b *backend) makeNext(
	ctx context.Context, req *logical.Request, conn *connection, k target, old kmsapi.KeyMetadata,
) (*logical.Response, error) {
	begun, err := b.beginFollowing(ctx, req, conn, k, old, newCreation(target{k.name, nil}, conn))
	if err != nil {
		return nil, err
	}
	resp, err := b.makeFollowing(ctx, req, conn, k, begun, likeCMK(old, begun.creation),
		func(ctx context.Context, made kmsapi.KeyMetadata) (*keyEntry, error) {
			return b.follow(ctx, req, conn, k.entry, begun.creation, made)
		})
	if err == nil {
		warnOfSuspended(resp, old)
	}
	return resp, err
}

// makeFollowing makes a CMK that follows, and lets finish store its entry.
func (b *backend) makeFollowing(
	ctx context.Context, req *logical.Request, conn *connection, k target, begun logged,
	wanted *kmsapi.CreateKeyRequest, finish func(context.Context, kmsapi.KeyMetadata) (*keyEntry, error),
) (*logical.Response, error) {
	next, made, err := b.makeCMK(ctx, req, conn, begun, wanted, finish)
	if err != nil {
		if made.KeyId == "" && surelyNotDone(err) {
			b.abandonFollowing(ctx, req.Storage, conn, k, begun)
		}
		return nil, err
	}
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	following := target{k.name, next}
	return rotated(following, append(b.makeAlike(kept, conn, following, begun.creation), aliasesStay(k.entry))...), nil
}

// likeCMK returns the request for a CMK like another, with the other's rotation interval. The rotation of a CMK that
// can't be used now is suspended, and was not turned off.
func likeCMK(m kmsapi.KeyMetadata, c creation) *kmsapi.CreateKeyRequest {
	interval := c.Interval
	if m.AutomaticRotation == kmsapi.RotationSuspended {
		interval = m.RotationInterval
	}
	return &kmsapi.CreateKeyRequest{
		Origin: m.Origin, ProtectionLevel: m.ProtectionLevel, KeySpec: m.KeySpec, KeyUsage: m.KeyUsage,
		Description: withoutMarker(m.Description), DKMSInstanceId: m.DKMSInstanceId,
		EnableAutomaticRotation: interval != "", RotationInterval: interval,
	}
}

func aliasesStay(old *keyEntry) string {
	return fmt.Sprintf("KMS's aliases of the old KMS key %s stay with it. Its ciphertexts still open, as long as it is not disabled or deleted", old.KeyID)
}

// warnOfSuspended warns of a rotation policy that can't be turned off as long as the CMK can't be used.
func warnOfSuspended(resp *logical.Response, old kmsapi.KeyMetadata) {
	if old.AutomaticRotation == kmsapi.RotationSuspended {
		resp.AddWarning(fmt.Sprintf("The rotation policy of the old KMS key %s is suspended, and goes on once it is enabled again: turn it off in KMS then, since its new versions are of no use to the key",
			old.KeyId))
	}
}

// rotateToGiven lets an existing CMK follow.
func (b *backend) rotateToGiven(
	ctx context.Context, req *logical.Request, conn *connection, k target, given string,
) (*logical.Response, error) {
	found, err := describeCMK(ctx, conn, given)
	if err != nil {
		return nil, err
	}
	cmk := found.KeyMetadata
	release, err := b.reserveFollowing(ctx, req, k, cmk)
	if err != nil {
		return nil, err
	}
	defer release()
	old, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return nil, err
	}
	c := newCreation(target{k.name, nil}, conn)
	c.Given = cmp.Or(arnOf(given, cmk), cmk.KeyId)
	begun, err := b.beginFollowing(ctx, req, conn, k, old.KeyMetadata, c)
	if err != nil {
		return nil, err
	}
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	next, err := b.follow(kept, req, conn, k.entry, begun.creation, cmk)
	if err != nil {
		b.abandonFollowing(ctx, req.Storage, conn, k, begun)
		return nil, err
	}
	b.settled(kept, req.Storage, begun.id)
	resp := rotated(target{k.name, next}, aliasesStay(k.entry))
	warnOfSuspended(resp, old.KeyMetadata)
	others, err := b.keysThatCanDecrypt(kept, req, k.name, next)
	if err != nil { // The key is rotated anyway.
		resp.AddWarning("Whether other keys have the same KMS key is not known: " + err.Error())
	}
	next.warnOfSharedCMK(resp, others)
	return resp, nil
}

// mayBeFollowedBy refuses a CMK that can't do what the current one does.
func (e *keyEntry) mayBeFollowedBy(cmk kmsapi.KeyMetadata) error {
	switch {
	case cmk.KeyId == e.KeyID:
		return refusal.BadRequest("the KMS key %s is the key's already; for a new version of it, leave key_id out", cmk.KeyId)
	case slices.Contains(ids(e.leftCMKs()), cmk.KeyId):
		return refusal.BadRequest("the KMS key %s has been the key's before, and trim has dropped its versions: what they have encrypted would open again. Give it another name instead", cmk.KeyId)
	case cmk.KeySpec != e.KeySpec || cmk.KeyUsage != e.KeyUsage:
		return refusal.BadRequest("the KMS key %s is of the type %s for %s, and the versions of this key are of the type %s for %s",
			cmk.KeyId, cmk.KeySpec, cmk.KeyUsage, e.KeySpec, e.KeyUsage)
	case cmk.KeyState != kmsapi.Enabled:
		return refusal.Conflict("the KMS key %s is in state %s, so it can't be the newest version", cmk.KeyId, cmk.KeyState)
	default:
		return nil
	}
}
