package alicloudkms

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxKnownMarkers bounds what is remembered of CMKs, some 100 bytes each.
const maxKnownMarkers = 50_000

// knownMarkers remembers the markers that CMKs had when they were first asked for, and "" for none. An account may have
// thousands of CMKs that are not the engine's: with this, a search that is repeated, or did not come to its end, asks for
// each only once. A marker that a CMK is given later does not count.
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

// findCMK returns the CMK that has a marker, or one without an id. CMKs that have a name here are not lost, and not asked for.
func (b *backend) findCMK(ctx context.Context, req *logical.Request, conn *connection, marker string) (kmsapi.KeyMetadata, error) {
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
	for _, id := range sortedKeys(cmks.entries) {
		if len(names[id]) > 0 {
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
	id, err := theOne(marked)
	if err != nil || id == "" {
		return none, err
	}
	found, err := describeCMK(ctx, conn, id)
	if err != nil {
		return none, err
	}
	return found.KeyMetadata, nil
}

// markerOf returns the marker of a CMK, and "" if it has none or was deleted meanwhile.
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

// listRounds is how often a list that others change is read again.
const listRounds = 5

// listAllCMKs is listCMKs for when none may be missing.
func listAllCMKs(ctx context.Context, conn *connection) (listing[kmsapi.KeyEntry], error) {
	for range listRounds {
		l, err := listCMKs(ctx, conn)
		if err != nil || !l.moved {
			return l, err
		}
	}
	return listing[kmsapi.KeyEntry]{}, logical.CodedError(http.StatusServiceUnavailable,
		"others are making or deleting CMKs, so that the one of an interrupted creation can't be looked for; try again")
}

// theOne returns the one CMK that has a marker, and "" for none. Who can read the marker in KMS can give it to another CMK,
// also to one that is older, so that nothing tells the right one of two.
func theOne(marked []string) (string, error) {
	switch len(marked) {
	case 0:
		return "", nil
	case 1:
		return marked[0], nil
	default:
		return "", conflict("%d CMKs claim to be the one of an interrupted creation, %s and %s among them. Register the right one under the key's name, and delete the others",
			len(marked), marked[0], marked[1])
	}
}
