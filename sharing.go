package alicloudkms

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// cmkReservations are the reservations of CMKs that may have one name only. Nothing is stored there.
const cmkReservations = "cmk/"

// reserveUnshared refuses a CMK that has another name and may not have two: an RSA key that decrypts, since nothing
// would keep the names apart. Until release is called, no other name is given to such a CMK.
func (b *backend) reserveUnshared(
	ctx context.Context, req *logical.Request, name string, cmk kmsapi.KeyMetadata,
) (release func(), err error) {
	if !kmsapi.DecryptingKey.Has(cmk.KeySpec, cmk.KeyUsage) {
		return func() {}, nil
	}
	if release, err = b.reserve(cmkReservations+cmk.KeyId, "the KMS key "+cmk.KeyId); err != nil {
		return nil, err
	}
	names, err := b.namesOfCMKs(ctx, req)
	if err == nil {
		for _, other := range names.of(cmk.KeyId) {
			if other != name {
				err = refusal.Conflict("the KMS key %s has the name %q already, and two names of an RSA key that decrypts can't be kept apart: each would decrypt what the other encrypts",
					cmk.KeyId, other)
				break
			}
		}
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// keysThatCanDecrypt returns the other names of an entry's CMK that can decrypt what is encrypted with this name, which
// can decrypt theirs too.
func (b *backend) keysThatCanDecrypt(
	ctx context.Context, req *logical.Request, name string, entry *keyEntry,
) ([]string, error) {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	var able []string
	for _, other := range names.of(entry.KeyID) {
		if other == name {
			continue
		}
		their, err := b.cachedKey(ctx, req, other)
		if err != nil {
			return nil, err
		}
		if their != nil && !disjointContexts(entry.BoundContext, their.BoundContext) {
			able = append(able, other)
		}
	}
	slices.Sort(able)
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
