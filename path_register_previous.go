package alicloudkms

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxPrevious bounds how many earlier CMKs a caller registers at once.
const maxPrevious = 100

// A givenCMK is a CMK as a caller names it, with KMS's metadata.
type givenCMK struct {
	given string
	kmsapi.KeyMetadata
}

// describePrevious asks KMS for the earlier CMKs that a caller registers with last. They must be of the same kind as
// last, and each must be named once.
func describePrevious(
	ctx context.Context, conn *connection, d *framework.FieldData, last givenCMK,
) ([]givenCMK, error) {
	names, _ := d.Get("previous_key_ids").([]string)
	if len(names) > maxPrevious {
		return nil, refusal.BadRequest("previous_key_ids has %d KMS keys, and may have %d", len(names), maxPrevious)
	}
	seen, previous := map[string]bool{last.KeyId: true}, make([]givenCMK, 0, len(names))
	for _, name := range names {
		if len(name) > maxKeyID {
			return nil, refusal.BadRequest("one of previous_key_ids is too long to be the id, the ARN or an alias of a KMS key")
		}
		found, err := describeCMK(ctx, conn, name)
		if err != nil {
			return nil, withDoubt(err, "It is one of previous_key_ids.")
		}
		cmk := givenCMK{name, found.KeyMetadata}
		switch {
		case seen[cmk.KeyId]:
			return nil, refusal.BadRequest("the KMS key %s is given twice, in key_id and previous_key_ids", cmk.KeyId)
		case cmk.KeySpec != last.KeySpec || cmk.KeyUsage != last.KeyUsage:
			return nil, refusal.BadRequest("the KMS key %s of previous_key_ids is of the type %s for %s, and that of key_id of the type %s for %s",
				cmk.KeyId, cmk.KeySpec, cmk.KeyUsage, last.KeySpec, last.KeyUsage)
		}
		seen[cmk.KeyId] = true
		previous = append(previous, cmk)
	}
	return previous, nil
}

// isOf reports whether e is the entry that the registration would store. A caller that gives no previous CMKs, or no
// envelope_text, means those of e.
func (r *registration) isOf(e *keyEntry) bool {
	if e.KeyID != r.last.KeyId || e.Derived != r.derived || !maps.Equal(e.BoundContext, r.bound) {
		return false
	}
	if r.former != nil && r.former.ID != e.EnvelopeID {
		return false
	}
	known := e.cmks()
	return len(r.previous) == 0 || slices.EqualFunc(known[:len(known)-1], r.previous, func(c storedCMK, p givenCMK) bool {
		return c.KeyID == p.KeyId
	})
}

// registered returns the entry to be registered, with rows for all versions of its CMKs.
func (b *backend) registered(
	ctx context.Context, conn *connection, name string, r registration,
) (*keyEntry, error) {
	cmks := append(r.previous, r.last)
	first := cmks[0]
	entry := newEntry(first.stored(), conn.region, first.KeyMetadata)
	entry.BoundContext, entry.Derived = r.bound, r.derived
	entry.versions = versions.New(versions.Row{CMK: first.KeyId}) // until KMS has listed them, the oldest first
	if _, err := b.learnVersions(ctx, conn, target{name, entry}); err != nil {
		return nil, err
	}
	for _, next := range cmks[1:] {
		var err error
		entry, err = b.followedBy(ctx, conn, entry, creation{Name: name, Given: next.given}, next.KeyMetadata)
		if err != nil {
			return nil, err
		}
	}
	if r.former == nil {
		return entry, nil
	}
	return entry, b.goOnAs(ctx, conn, target{name, entry}, *r.former)
}

// stored returns the CMK in the form for an entry.
func (c givenCMK) stored() storedCMK {
	return storedCMK{KeyID: c.KeyId, ARN: arnOf(c.given, c.KeyMetadata), Instance: c.DKMSInstanceId}
}
