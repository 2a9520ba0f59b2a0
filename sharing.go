package alicloudkms

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// cmkReservations are the reservations of CMKs that may have one name only. Nothing is stored there.
const cmkReservations = "cmk/"

// reserveUnshared refuses CMKs of which one has another name and may not have two: RSA keys that decrypt, since nothing
// would keep the names apart. Until release is called, no other name is given to such a CMK. kind is what KMS says of
// each.
func (b *backend) reserveUnshared(
	ctx context.Context, req *logical.Request, name string, kind kmsapi.KeyMetadata, cmks ...storedCMK,
) (release func(), err error) {
	var releases []func()
	release = func() {
		for _, release := range releases {
			release()
		}
	}
	if !kmsapi.DecryptingKey.Has(kind.KeySpec, kind.KeyUsage) {
		return release, nil
	}
	for _, cmk := range cmks {
		releaseOne, err := b.reserve(cmkReservations+cmk.KeyID, "the KMS key "+cmk.KeyID)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, releaseOne)
	}
	if err := b.checkUnshared(ctx, req, name, cmks); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

func (b *backend) checkUnshared(ctx context.Context, req *logical.Request, name string, cmks []storedCMK) error {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return err
	}
	for _, cmk := range cmks {
		for _, other := range names.besides(name, []storedCMK{cmk}) {
			return refusal.Conflict("the KMS key %s has the name %q already, and two names of an RSA key that decrypts can't be kept apart: each would decrypt what the other encrypts",
				cmk.KeyID, other)
		}
	}
	return nil
}

// keysThatCanDecrypt returns the other names of an entry's CMKs, earlier ones too, that can decrypt what is or was
// encrypted with this name, which can decrypt theirs too.
func (b *backend) keysThatCanDecrypt(
	ctx context.Context, req *logical.Request, name string, entry *keyEntry,
) ([]string, error) {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	var able []string
	for _, other := range names.besides(name, entry.cmks()) {
		their, err := b.cachedKey(ctx, req, other)
		if err != nil {
			return nil, err
		}
		if their != nil && !disjointContexts(entry.BoundContext, their.BoundContext) {
			able = append(able, other)
		}
	}
	return able, nil
}

// disjointContexts reports whether no encryption context can have all entries of both bound contexts, because they bind
// the same name to different values. An entry that only one of them binds is not enough: a caller of the other key can
// give it.
func disjointContexts(a, b map[string]string) bool {
	for name, value := range a {
		if other, both := b[name]; both && other != value {
			return true
		}
	}
	return false
}

func (e *keyEntry) warnOfSharedCMK(resp *logical.Response, others []string) {
	if len(others) == 0 {
		return
	}
	if e.isAsymmetric() {
		resp.AddWarning("These keys have the same KMS key, so that the signatures of each are valid for the others: " +
			strings.Join(others, ", "))
	} else {
		resp.AddWarning("These keys have the same KMS key, and each can decrypt what the others encrypt, because their bound_context have no entry of the same name with different values: " +
			strings.Join(others, ", "))
	}
}
