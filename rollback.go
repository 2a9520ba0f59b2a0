package alicloudkms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// findKey returns the entry called name, and nil if there is none. It finds the CMK of an earlier attempt to make the key
// that was interrupted, and reports so. The caller has reserved the name.
func (b *backend) findKey(ctx context.Context, req *logical.Request, name string) (entry *keyEntry, recovered bool, err error) {
	entry, err = loadKey(ctx, req.Storage, name)
	if err != nil || entry != nil {
		return entry, false, err
	}
	begun, err := b.creationsOf(ctx, req.Storage, name)
	if err != nil || len(begun) == 0 {
		return nil, false, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, false, err
	}
	for logID, c := range begun {
		entry, err := b.recover(ctx, req, conn, c)
		if err != nil {
			return nil, false, err
		}
		if entry != nil {
			b.settled(ctx, req.Storage, logID)
			return entry, true, nil
		}
	}
	return nil, false, nil
}

// creationsOf returns the unsettled creations of the key called name, under the ids of their log entries.
func (b *backend) creationsOf(ctx context.Context, s logical.Storage, name string) (map[string]creation, error) {
	logIDs, err := framework.ListWAL(ctx, s)
	if err != nil {
		return nil, err
	}
	found := map[string]creation{}
	for _, logID := range logIDs {
		logged, err := framework.GetWAL(ctx, s, logID)
		if err != nil {
			return nil, err
		}
		if logged == nil || logged.Kind != creationKind {
			continue
		}
		c, err := decodeCreation(logged.Data)
		if err != nil {
			return nil, err
		}
		if c.Name == name {
			found[logID] = c
		}
	}
	return found, nil
}

func decodeCreation(data any) (creation, error) {
	var c creation
	text, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && (c.Name == "" || c.Marker == "") {
		err = errors.New("it names no key")
	}
	if err != nil {
		return creation{}, fmt.Errorf("an entry of the write-ahead log is damaged: %w", err)
	}
	return c, nil
}

// recover stores the entry of a creation if its CMK is found, and returns nil if it is not.
func (b *backend) recover(ctx context.Context, req *logical.Request, conn *connection, c creation) (*keyEntry, error) {
	if c.Region != conn.region {
		return nil, nil
	}
	cmk, err := b.findCMK(ctx, req, conn, c.Marker)
	if err != nil || cmk.KeyId == "" {
		return nil, named(err, c.Name)
	}
	return b.finish(ctx, req.Storage, c, cmk)
}

// findCMK returns the CMK that has a marker, or one without an id. Only CMKs that have no name here are asked for: there are
// few of them, and none that has one is lost.
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
	var marked []kmsapi.KeyMetadata
	for _, id := range sortedKeys(cmks.entries) {
		if len(names[id]) > 0 {
			continue
		}
		found, err := call(ctx, conn, kms.DescribeKey, &kmsapi.DescribeKeyRequest{KeyRequest: kmsapi.KeyRequest{KeyId: id}})
		switch {
		case errors.Is(err, kmsapi.ErrKeyNotFound): // It was deleted meanwhile.
		case err != nil:
			return none, err
		case strings.HasSuffix(found.KeyMetadata.Description, markerStart+marker+markerEnd):
			marked = append(marked, found.KeyMetadata)
		}
	}
	return theOne(marked)
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
	return listing[kmsapi.KeyEntry]{}, logical.CodedError(http.StatusServiceUnavailable, "others are making or deleting CMKs, so that the one of an interrupted creation can't be looked for; try again")
}

// theOne returns the one CMK that has a marker, or one without an id. Who can read the marker in KMS can give it to another CMK,
// also to one that is older, so that nothing tells the right one of two.
func theOne(marked []kmsapi.KeyMetadata) (kmsapi.KeyMetadata, error) {
	switch len(marked) {
	case 0:
		return kmsapi.KeyMetadata{}, nil
	case 1:
		return marked[0], nil
	default:
		return kmsapi.KeyMetadata{}, conflict("%d CMKs claim to be the one of an interrupted creation, %s and %s among them. Register the right one under the key's name, and delete the others",
			len(marked), marked[0].KeyId, marked[1].KeyId)
	}
}

// rollback settles an entry of the write-ahead log that is old enough, so that no CMK is left without a name. It never
// deletes a CMK: Vault's storage may be older than the CMK, and data may be encrypted with it already.
func (b *backend) rollback(ctx context.Context, req *logical.Request, kind string, data any) error {
	if !b.WriteSafeReplicationState() {
		return logical.ErrReadOnly
	}
	err := b.rollbackEntry(ctx, req, kind, data)
	if err != nil { // Vault does not log it.
		b.Logger().Warn("an entry of the write-ahead log could not be settled yet", "kind", kind, "error", err)
	}
	return err
}

func (b *backend) rollbackEntry(ctx context.Context, req *logical.Request, kind string, data any) error {
	if kind != creationKind {
		return fmt.Errorf("the write-ahead log has an entry of a kind that this version does not know: %q", kind)
	}
	c, err := decodeCreation(data)
	if err != nil {
		return err
	}
	release, err := b.reserve(keyPrefix+c.Name, fmt.Sprintf("key %q", c.Name))
	if err != nil {
		return err
	}
	defer release()
	entry, err := loadKey(ctx, req.Storage, c.Name)
	if err != nil {
		return err
	}
	if entry != nil && entry.Marker == c.Marker {
		return nil
	}
	if err := b.settle(ctx, req, c, entry); err != nil {
		return b.explain(req, err)
	}
	return nil
}

// settle finds what became of an interrupted creation. entry is the key that has its name now, and may be nil.
func (b *backend) settle(ctx context.Context, req *logical.Request, c creation, entry *keyEntry) error {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	if conn.region != c.Region {
		return conflict("the creation of key %q in %s was interrupted, and the engine works in %s now, so that its CMK can't be looked for", c.Name, c.Region, conn.region)
	}
	cmk, err := b.findCMK(ctx, req, conn, c.Marker)
	switch {
	case err != nil:
		return named(err, c.Name)
	case cmk.KeyId == "":
		b.Logger().Info("an interrupted creation of a key has left no CMK in the account that the engine works in now", "key", c.Name, "region", c.Region, "marker", c.Marker)
		return nil
	case entry != nil:
		b.Logger().Warn("an interrupted creation has left a CMK, and its name has another one now: register it under another name, or delete it",
			"key", c.Name, "key_id", cmk.KeyId, "region", c.Region)
		return nil
	default:
		_, err := b.finish(ctx, req.Storage, c, cmk)
		return err
	}
}
