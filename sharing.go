package alicloudkms

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// cmkReservations is the path prefix of reservations of CMKs that may have only one name. Nothing is stored there.
const cmkReservations = "cmk/"

// reserveUnshared refuses CMKs that have another name, if the key may not share them. That is the case for key pairs
// that decrypt, since nothing would keep the names apart. Until release is called, such a CMK gets no other name.
func (b *backend) reserveUnshared(
	ctx context.Context, req *logical.Request, k target, cmks ...storedCMK,
) (release func(), err error) {
	if !kmsapi.DecryptingKey.Has(k.entry.KeySpec, k.entry.KeyUsage) {
		return func() {}, nil
	}
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for _, cmk := range cmks {
		one, err := b.reserve(cmkReservations+cmk.KeyID, "the KMS key "+cmk.KeyID)
		if err != nil {
			release()
			return nil, err
		}
		releases = append(releases, one)
	}
	if err := b.checkUnshared(ctx, req, k.name, cmks); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// checkUnshared refuses CMKs that have a name other than name.
func (b *backend) checkUnshared(ctx context.Context, req *logical.Request, name string, cmks []storedCMK) error {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return err
	}
	for _, cmk := range cmks {
		for _, other := range names.of(cmk.KeyID) {
			if other != name {
				return refusal.Conflict("the KMS key %s has the name %q already, and two names of a key pair that decrypts can't be kept apart: each would decrypt what the other encrypts",
					cmk.KeyID, other)
			}
		}
	}
	return nil
}

// keysThatCanDecrypt returns the other names of an entry's CMKs, earlier ones included, that can decrypt ciphertexts of
// this name, and whose ciphertexts this name can decrypt.
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
		resp.AddWarning("These keys have the same KMS key, so the signatures of each are valid for the others: " +
			strings.Join(others, ", "))
	} else {
		resp.AddWarning("These keys have the same KMS key, and each can decrypt what the others encrypt in direct mode, because their bound_context have no entry of the same name with different values: " +
			strings.Join(others, ", "))
	}
}
