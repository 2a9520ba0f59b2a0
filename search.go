package alicloudkms

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxKnownMarkers bounds how many CMKs are remembered, at about 100 bytes each.
const maxKnownMarkers = 50_000

// knownMarkers remembers the marker that each CMK had when KMS was first asked for it, and "" for none. An account may
// have thousands of CMKs that are not the engine's: a search that is repeated, or continues one that was cut short,
// asks for each of them only once. A marker that a CMK gets later does not count.
type knownMarkers struct {
	mu sync.Mutex // guards of
	of map[string]string
}

func newKnownMarkers() *knownMarkers { return &knownMarkers{of: map[string]string{}} }

func (k *knownMarkers) get(cmk string) (marker string, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	marker, known = k.of[cmk]
	return marker, known
}

func (k *knownMarkers) note(cmk, marker string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.of) >= maxKnownMarkers {
		clear(k.of)
	}
	k.of[cmk] = marker
}

// findCMK returns the CMK that a creation made, or one without an id if there is none. If that can't be determined, the
// creation is marked as being in conflict, for good.
func (b *backend) findCMK(
	ctx context.Context, req *logical.Request, conn *connection, c *creation,
) (kmsapi.KeyMetadata, error) {
	var none kmsapi.KeyMetadata
	if c.Given != "" {
		return findGiven(ctx, conn, c.Given)
	}
	if len(c.Conflict) > 0 {
		return none, c.conflict(req)
	}
	marked, err := b.markedCMKs(ctx, req, conn, c.Marker)
	if err != nil || len(marked) == 0 {
		return none, err
	}
	if own := slices.DeleteFunc(slices.Clone(marked), func(cmk kmsapi.KeyMetadata) bool {
		return !c.mayHaveMade(cmk)
	}); len(own) == 1 {
		return own[0], nil
	}
	if err := b.noteConflict(ctx, req.Storage, c, idsOf(marked)); err != nil {
		return none, err
	}
	return none, c.conflict(req)
}

// findGiven is findCMK for a CMK that a caller named.
func findGiven(ctx context.Context, conn *connection, cmk string) (kmsapi.KeyMetadata, error) {
	found, err := describeCMK(ctx, conn, cmk)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return kmsapi.KeyMetadata{}, nil
	}
	if err != nil {
		return kmsapi.KeyMetadata{}, err
	}
	return found.KeyMetadata, nil
}

// maxShownCMKs bounds how many CMKs of a conflict are recorded and shown.
const maxShownCMKs = 10

func idsOf(cmks []kmsapi.KeyMetadata) (ids []string) {
	for _, cmk := range cmks[:min(len(cmks), maxShownCMKs)] {
		ids = append(ids, cmk.KeyId)
	}
	return ids
}

// conflict says what to do if any of several CMKs may be the creation's, the others being copies.
func (c *creation) conflict(req *logical.Request) error {
	if c.Follows != "" {
		return refusal.Conflict("the rotation of key %q was interrupted, and there is no telling which KMS key it made: its marker is on %s. None is used until you decide. Take the right one: vault write %[3]skeys/%[1]s/rotate key_id=... Delete the others in KMS",
			c.Name, strings.Join(c.Conflict, " and "), mount(req))
	}
	return refusal.Conflict("the creation of key %q was interrupted, and there is no telling which KMS key it made: its marker is on %s. None is used until you decide. Register the right one: vault write %[3]skeys/%[1]s/register key_id=..., or forget the creation, so that a new KMS key can be made: vault write -f %[3]skeys/%[1]s/deregister. Delete the others in KMS",
		c.Name, strings.Join(c.Conflict, " and "), mount(req))
}

// markedCMKs returns the CMKs that have a marker. CMKs that have a name here are not lost, so KMS is not asked about
// them.
func (b *backend) markedCMKs(
	ctx context.Context, req *logical.Request, conn *connection, marker string,
) ([]kmsapi.KeyMetadata, error) {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	cmks, err := listAllCMKs(ctx, conn)
	if err != nil {
		return nil, err
	}
	var marked []string
	for _, id := range sortedKeys(cmks.Entries) {
		if len(names.of(id)) > 0 {
			continue
		}
		found, err := b.markerOf(ctx, conn, id)
		if err != nil {
			return nil, err
		}
		if found == marker {
			marked = append(marked, id)
		}
	}
	return describeCMKs(ctx, conn, marked)
}

// describeCMKs is separate from the search, so that a search that KMS throttles gets further each time.
func describeCMKs(ctx context.Context, conn *connection, ids []string) ([]kmsapi.KeyMetadata, error) {
	cmks := make([]kmsapi.KeyMetadata, 0, len(ids))
	for _, id := range ids {
		found, err := describeCMK(ctx, conn, id)
		if err != nil {
			return nil, err
		}
		cmks = append(cmks, found.KeyMetadata)
	}
	return cmks, nil
}

// markerOf returns the marker of a CMK, and "" if it has none or has been deleted.
func (b *backend) markerOf(ctx context.Context, conn *connection, id string) (string, error) {
	if marker, known := b.markers.get(id); known {
		return marker, nil
	}
	found, err := describeCMK(ctx, conn, id)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	marker := ""
	if match := markerPattern.FindStringSubmatch(found.KeyMetadata.Description); match != nil {
		marker = match[1]
	}
	b.markers.note(id, marker)
	return marker, nil
}

func describeCMK(ctx context.Context, conn *connection, id string) (*kmsapi.DescribeKeyResponse, error) {
	return call(ctx, conn, &kmsapi.DescribeKeyRequest{KeyId: id})
}

// listAllCMKs is listCMKs for callers that must not miss any.
func listAllCMKs(ctx context.Context, conn *connection) (listing.Listing[kmsapi.KeyEntry], error) {
	return listing.Still(func() (listing.Listing[kmsapi.KeyEntry], error) { return listCMKs(ctx, conn) },
		"others are creating or deleting KMS keys, so the one of an interrupted creation can't be searched for; try again")
}
