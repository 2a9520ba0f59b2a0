package alicloudkms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// findKey returns the entry called name, and nil if there is none. If an earlier attempt to make the key was
// interrupted and left a CMK, findKey finishes that attempt, and reports that the key was recovered. The caller has
// reserved the name.
func (b *backend) findKey(
	ctx context.Context, req *logical.Request, name string,
) (entry *keyEntry, recovered bool, err error) {
	entry, err = loadKey(ctx, req.Storage, name)
	if err != nil || entry != nil {
		return entry, false, err
	}
	entry, err = b.recoverKey(ctx, req, name, func(c creation) bool { return c.Follows == "" })
	return entry, entry != nil, err
}

// recoverKey finishes one of the unsettled creations of the key called name that fit. It returns nil if there is none,
// or none of them left a CMK.
func (b *backend) recoverKey(
	ctx context.Context, req *logical.Request, name string, fits func(creation) bool,
) (*keyEntry, error) {
	begun, err := b.creationsOf(ctx, req.Storage, name)
	maps.DeleteFunc(begun, func(_ string, c creation) bool { return !fits(c) })
	if err != nil || len(begun) == 0 {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	for logID, c := range begun {
		entry, err := b.recover(ctx, req, conn, c)
		if err != nil {
			return nil, err
		}
		if entry != nil {
			b.settled(ctx, req.Storage, logID)
			return entry, nil
		}
	}
	return nil, nil
}

// noteConflict records in the log, for every later search, that cmks have the marker of c.
func (b *backend) noteConflict(ctx context.Context, s logical.Storage, c *creation, cmks []string) error {
	begun, err := b.creationsOf(ctx, s, c.Name)
	if err != nil {
		return err
	}
	c.Conflict = cmks
	for logID, logged := range begun {
		if logged.Marker != c.Marker {
			continue
		}
		if err := relog(ctx, s, logID, *c); err != nil {
			return err
		}
	}
	return nil
}

// relog changes an entry of the write-ahead log, if it is still there.
func relog(ctx context.Context, s logical.Storage, logID string, c creation) error {
	entry, err := framework.GetWAL(ctx, s, logID)
	if err != nil || entry == nil {
		return err
	}
	entry.Data = c
	changed, err := logical.StorageEntryJSON(framework.WALPrefix+logID, entry)
	if err != nil {
		return err
	}
	return s.Put(ctx, changed)
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
		if logged == nil || logged.Kind != creationKind && logged.Kind != followKind {
			continue
		}
		c, err := decodeCreation(logged.Data)
		if err != nil { // It may be for any key, and must not block the others. Rollback reports it.
			continue
		}
		if c.Name == name {
			found[logID] = c
		}
	}
	return found, nil
}

func decodeCreation(data any) (creation, error) {
	var c creation
	encoded, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(encoded, &c)
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
	cmk, err := b.findCMK(ctx, req, conn, &c)
	if err != nil || cmk.KeyId == "" {
		return nil, withKey(err, c.Name)
	}
	return b.complete(ctx, req, conn, c, cmk)
}

// complete stores the entry of an interrupted creation of a key or of its next version. It returns nil if there is
// nothing left to store.
func (b *backend) complete(
	ctx context.Context, req *logical.Request, conn *connection, c creation, cmk kmsapi.KeyMetadata,
) (*keyEntry, error) {
	if c.Follows == "" {
		return b.finish(ctx, req, conn, c, cmk)
	}
	return b.completeFollowing(ctx, req, conn, c, cmk)
}

// giveUpAfter is how long a creation stays in the log if the current configuration does not allow a search for its CMK.
const giveUpAfter = 7 * 24 * time.Hour

// rollback settles an entry of the write-ahead log that is old enough, so that no CMK is left without a name. It never
// deletes a CMK: Vault's storage may have been restored from a backup, and data may already be encrypted with the CMK.
func (b *backend) rollback(ctx context.Context, req *logical.Request, kind string, data any) error {
	if !b.WriteSafeReplicationState() {
		return logical.ErrReadOnly
	}
	failed := b.rollbackEntry(ctx, req, kind, data)
	if failed == nil {
		return nil
	}
	err := b.explain(req, failed)
	if b.logged.First(recurring(failed)) { // Vault does not log the error, and retries every minute.
		b.Logger().Warn("an entry of the write-ahead log could not be settled yet", "kind", kind, "error", err)
	}
	return err
}

func (b *backend) rollbackEntry(ctx context.Context, req *logical.Request, kind string, data any) error {
	if kind == rootKeyKind {
		return b.rollbackKeyCreation(ctx, req, data)
	}
	if kind != creationKind && kind != followKind {
		return fmt.Errorf("the write-ahead log has an entry of a kind that this version does not know: %q", kind)
	}
	c, err := decodeCreation(data)
	if err != nil {
		return err
	}
	release, err := b.reserveKey(c.Name)
	if err != nil {
		return err
	}
	defer release()
	entry, err := loadKey(ctx, req.Storage, c.Name)
	if err != nil {
		return err
	}
	if entry != nil && entry.hasMarker(c.Marker) {
		return nil
	}
	return b.settle(ctx, req, c, entry)
}

// settle finishes or drops an interrupted creation. entry is the key that has its name now, and may be nil.
func (b *backend) settle(ctx context.Context, req *logical.Request, c creation, entry *keyEntry) error {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	if conn.region != c.Region {
		return b.keepOrGiveUp(c, refusal.Conflict(
			"the creation of key %q in %s was interrupted, and the engine is now configured for %s, so its KMS key can't be searched for",
			c.Name, c.Region, conn.region))
	}
	cmk, err := b.findCMK(ctx, req, conn, &c)
	isTaken := c.isTaken(entry)
	switch {
	case len(c.Conflict) > 0 && isTaken:
		b.Logger().Warn("an interrupted creation may have left a KMS key, but its name has another one now: of these, register the right one under another name, and delete the others",
			"key", c.Name, "key_ids", slices.DeleteFunc(c.Conflict, func(id string) bool {
				return entry != nil && slices.Contains(ids(entry.cmks()), id)
			}),
			"region", c.Region)
		return nil
	case len(c.Conflict) > 0:
		return b.keepOrGiveUp(c, err)
	case err != nil:
		return withKey(err, c.Name)
	case cmk.KeyId == "" && c.Identity != conn.identity:
		return b.keepOrGiveUp(c, refusal.Conflict(
			"the creation of key %q was interrupted, and its KMS key is not found with the endpoint, access key and role that are now configured",
			c.Name))
	case cmk.KeyId == "":
		b.Logger().Info("an interrupted creation of a key has left no KMS key",
			"key", c.Name, "region", c.Region, "marker", c.Marker)
		return b.resumeInterrupted(ctx, conn, c, entry)
	case isTaken && c.Given != "":
		return nil
	case isTaken:
		b.Logger().Warn("an interrupted creation has left a KMS key, but its name has another one now: register it under another name, or delete it",
			"key", c.Name, "key_id", cmk.KeyId, "region", c.Region)
		return nil
	default:
		completed, err := b.complete(ctx, req, conn, c, cmk)
		if completed == nil && err == nil {
			return b.resumeInterrupted(ctx, conn, c, entry)
		}
		return err
	}
}

// keepOrGiveUp keeps a creation in the log by returning reason, unless it is very old.
func (b *backend) keepOrGiveUp(c creation, reason error) error {
	if time.Since(c.Begun) < giveUpAfter {
		return reason
	}
	b.Logger().Warn("an interrupted creation was given up: if it has left a KMS key, its description ends with the marker",
		"key", c.Name, "region", c.Region, "marker", markerStart+c.Marker+markerEnd, "reason", reason)
	return nil
}
