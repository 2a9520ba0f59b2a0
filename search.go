package alicloudkms

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxKnownMarkers bounds what is remembered of CMKs, some 100 bytes each.
const maxKnownMarkers = 50_000

// knownMarkers remembers the marker that each CMK had when KMS was first asked for it, and "" for none. An account may
// have thousands of CMKs that are not the engine's: a search that is repeated, or was cut short, asks for each of them
// only once. A marker that a CMK gets later does not count.
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

// findCMK returns the CMK that has a marker, or one without an id if there is none. CMKs that have a name here are not
// lost, so KMS is not asked for them.
func (b *backend) findCMK(
	ctx context.Context, req *logical.Request, conn *connection, marker string,
) (kmsapi.KeyMetadata, error) {
	var none kmsapi.KeyMetadata
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return none, err
	}
	cmks, err := listAllCMKs(ctx, conn)
	if err != nil {
		return none, err
	}
	var marked []string
	for _, id := range sortedKeys(cmks.Entries) {
		if len(names.of(id)) > 0 {
			continue
		}
		found, err := b.markerOf(ctx, conn, id)
		if err != nil {
			return none, err
		}
		if found == marker {
			marked = append(marked, id)
		}
	}
	id, err := uniqueMatch(marked)
	if err != nil || id == "" {
		return none, err
	}
	found, err := describeCMK(ctx, conn, id)
	if err != nil {
		return none, err
	}
	return found.KeyMetadata, nil
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

// listRounds is how often to read a list that others change.
const listRounds = 5

// listAllCMKs is listCMKs for callers that must not miss any.
func listAllCMKs(ctx context.Context, conn *connection) (listing.Listing[kmsapi.KeyEntry], error) {
	for range listRounds {
		l, err := listCMKs(ctx, conn)
		if err != nil || !l.Moved {
			return l, err
		}
	}
	return listing.Listing[kmsapi.KeyEntry]{}, refusal.Unavailable(
		"others are creating or deleting CMKs, so that the one of an interrupted creation can't be searched for; try again")
}

// uniqueMatch returns the one CMK that has a marker, and "" for none. Anyone who can read the marker in KMS can copy it
// to another CMK, even to an older one, so that of two there is no telling which is the right one.
func uniqueMatch(marked []string) (string, error) {
	switch len(marked) {
	case 0:
		return "", nil
	case 1:
		return marked[0], nil
	default:
		return "", refusal.Conflict("%d CMKs have the marker of an interrupted creation, %s and %s among them. Register the right one under the key's name, and delete the others",
			len(marked), marked[0], marked[1])
	}
}
