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

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// rootKeyKind is the kind of write-ahead log entry for access keys that are being made.
const rootKeyKind = "create-access-key"

// A keyCreation is the write-ahead log's record of an access key that is being made. It is written before RAM is asked,
// and removed once the access key is stored.
type keyCreation struct {
	// Origin stands for the RAM user, as [rotation.Origin] does.
	Origin string `json:"origin"`
	// Seen are the access keys that the user had before.
	Seen  []string  `json:"seen"`
	Begun time.Time `json:"begun"`
}

func decodeKeyCreation(data any) (k keyCreation, err error) {
	encoded, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(encoded, &k)
	}
	if err == nil && (k.Origin == "" || len(k.Seen) == 0) {
		err = errors.New("it names no access key")
	}
	if err != nil {
		return keyCreation{}, fmt.Errorf("an entry of the write-ahead log is damaged: %w", err)
	}
	return k, nil
}

// keyCreationsOf returns the unsettled creations of access keys for the user of c, under the ids of their log entries.
func keyCreationsOf(ctx context.Context, s logical.Storage, c *config) (map[string]keyCreation, error) {
	logIDs, err := framework.ListWAL(ctx, s)
	if err != nil {
		return nil, err
	}
	found := map[string]keyCreation{}
	for _, logID := range logIDs {
		logged, err := framework.GetWAL(ctx, s, logID)
		if err != nil {
			return nil, err
		}
		if logged == nil || logged.Kind != rootKeyKind {
			continue
		}
		k, err := decodeKeyCreation(logged.Data)
		if err == nil && k.Origin == c.origin() { // Rollback reports a damaged one.
			found[logID] = k
		}
	}
	return found, nil
}

// mayHaveMade reports whether one of the creations may have made an access key: whether it did not exist before.
func mayHaveMade(begun map[string]keyCreation, id string) bool {
	seen := func(k keyCreation) bool { return slices.Contains(k.Seen, id) }
	return len(begun) > 0 && !slices.ContainsFunc(slices.Collect(maps.Values(begun)), seen)
}

// checkAlone refuses to make another access key unless the one in use is the user's only one.
func (b *backend) checkAlone(ctx context.Context, req *logical.Request, c *config, keys []ram.AccessKey) error {
	isOwn := func(k ram.AccessKey) bool { return k.AccessKeyId == c.AccessKey }
	if !slices.ContainsFunc(keys, isOwn) {
		return refusal.BadRequest(
			"RAM does not list the access_key %s among those of its user, so it is not that of a RAM user, and can't be rotated",
			c.AccessKey)
	}
	other := slices.IndexFunc(keys, func(k ram.AccessKey) bool { return !isOwn(k) })
	if other < 0 {
		return nil
	}
	begun, err := keyCreationsOf(ctx, req.Storage, c)
	if err != nil {
		return err
	}
	return c.notAlone(req, keys[other], mayHaveMade(begun, keys[other].AccessKeyId))
}

// notAlone says which other access key the user has, and what to do about it.
func (c *config) notAlone(req *logical.Request, other ram.AccessKey, isOrphan bool) error {
	id := other.AccessKeyId
	what := fmt.Sprintf("the RAM user has another access key, %s, made at %s, so no new one can be made",
		id, other.CreateDate)
	switch {
	case id == c.Rotation.Retiring.ID:
		return refusal.Conflict("%s. It is the one that was replaced at %s; the engine deletes it a day after it has disabled it",
			what, c.Rotation.Retiring.since())
	case isOrphan:
		return refusal.Conflict("%s. An interrupted rotation has left it, and its secret is lost. To delete it: vault write %sconfig/rotate-root delete_access_key=%s",
			what, mount(req), id)
	default:
		return refusal.Conflict("%s. The engine does not know it: delete it in RAM if nothing uses it", what)
	}
}

// rollbackKeyCreation settles a creation that left no access key, and otherwise keeps it for delete_access_key. Nothing
// is deleted unless a caller asks for it: Vault's storage may be from a backup.
func (b *backend) rollbackKeyCreation(ctx context.Context, req *logical.Request, data any) error {
	k, err := decodeKeyCreation(data)
	if err != nil {
		return err
	}
	release, err := b.reserve(configPath, "the configuration")
	if err != nil {
		return err
	}
	defer release()
	c, err := loadConfig(ctx, req.Storage)
	switch {
	case err != nil:
		return err
	case c == nil || c.origin() != k.Origin || c.checkRotatable() != nil:
		return b.keepKeyCreation(k, refusal.Conflict(
			"a rotation of the access key of %s was interrupted, and another one is now configured, so RAM can't be asked whether one is left over",
			k.Origin))
	}
	orphans, err := b.orphansOf(ctx, c, k)
	if err != nil || len(orphans) == 0 {
		return err
	}
	return b.keepKeyCreation(k, refusal.Conflict(
		"an interrupted rotation has left an access key in RAM, whose secret is lost: to delete it, run: vault write %sconfig/rotate-root delete_access_key=%s",
		mount(req), orphans[0]))
}

// orphansOf returns the access keys that a creation may have left.
func (b *backend) orphansOf(ctx context.Context, c *config, k keyCreation) (orphans []string, err error) {
	user, err := c.ram(b.process.now)
	if err != nil {
		return nil, c.invalid(err)
	}
	keys, err := user.ListAccessKeys(ctx)
	if err != nil {
		return nil, &ramError{err: err}
	}
	for _, key := range keys {
		if id := key.AccessKeyId; !c.knows(id) && !slices.Contains(k.Seen, id) {
			orphans = append(orphans, id)
		}
	}
	return orphans, nil
}

// keepKeyCreation keeps a creation in the log by returning reason, unless it is very old.
func (b *backend) keepKeyCreation(k keyCreation, reason error) error {
	if b.process.now().Sub(k.Begun) < giveUpAfter {
		return reason
	}
	b.Logger().Warn("an interrupted rotation of the access key was given up: if it has left an access key, delete it in RAM",
		"origin", k.Origin, "begun", k.Begun, "reason", reason)
	return nil
}
