package alicloudkms

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// creationKind is the kind of write-ahead log entry for keys that are being made, and followKind for keys that are
	// being given another CMK. An earlier plugin refuses to settle the latter.
	creationKind = "create-key"
	followKind   = "follow-key"
	// rollbackAge is how old such an entry must be before Vault's periodic rollback settles it. By then its request has
	// ended, since Vault gives a request 90 seconds.
	rollbackAge = 3 * time.Minute
	// storeTimeout bounds the write of an entry, which must not be lost once its CMK exists.
	storeTimeout = 30 * time.Second

	markerStart  = "[vault:"
	markerEnd    = "]"
	markerLength = len(" "+markerStart+markerEnd) + 26
	// maxDescription is KMS's limit, in characters, less the marker.
	maxDescription = kmsapi.MaxDescription - markerLength
)

// A creation is the write-ahead log's record of a key that is being made. It is written before KMS is asked for the
// CMK, and removed once the key's entry is stored. CreateKey takes neither a name nor a client token, so the marker, at
// the end of the CMK's description, is the only way to find a CMK whose id never reached Vault's storage. Nobody else
// knows the marker in advance.
type creation struct {
	Name   string `json:"name"`
	Region string `json:"region"`
	Marker string `json:"marker"`
	// Identity is the identity of the connection over which the CMK was requested.
	Identity string    `json:"identity"`
	Begun    time.Time `json:"begun"`
	// Derived goes into the key's entry.
	Derived bool `json:"derived,omitempty"`
	// Encryption and AutoRotate, in seconds, go into the entry too.
	Encryption string `json:"encryption,omitempty"`
	AutoRotate int64  `json:"auto_rotate_period,omitempty"`
	// Follows is the id of the CMK that the new one follows, as the next version of the same key. Empty for a new key.
	Follows string `json:"follows,omitempty"`
	// Given is what requests call the CMK that follows if it already existed: its id or ARN, since an alias may point
	// to another CMK by the time of a rollback. Imported says that a new CMK gets imported material, and follows only
	// once it has it.
	Given    string `json:"given,omitempty"`
	Imported bool   `json:"imported,omitempty"`
	// Interval is the rotation interval that Follows had before its rotation was turned off.
	Interval string `json:"rotation_interval,omitempty"`
	// Replaces is the id of the CMK that the name had, which is scheduled for deletion, and BoundContext is kept from
	// its entry. Both are empty for a new name.
	Replaces     string            `json:"replaces,omitempty"`
	BoundContext map[string]string `json:"bound_context,omitempty"`
	// Conflict has the ids of the CMKs that a search found without being able to tell which one is right. From then on
	// none is adopted, even if only one of them is left.
	Conflict []string `json:"conflict,omitempty"`
}

// newCreation begins the creation of the key k. k.entry is the entry that it replaces, and may be nil.
func newCreation(k target, conn *connection) creation {
	c := creation{Name: k.name, Region: conn.region, Marker: rand.Text(), Identity: conn.identity, Begun: time.Now()}
	if k.entry != nil {
		c.Replaces, c.BoundContext, c.Derived = k.entry.KeyID, k.entry.BoundContext, k.entry.Derived
	}
	return c
}

// creationSpan is how much the date of a CMK, by KMS's clock, may differ from the start of its creation, by Vault's.
const creationSpan = 10 * time.Minute

// mayHaveMade reports whether a CMK with the creation's marker is of the right age. Anyone that can read the marker in
// KMS can give it to another CMK.
func (c creation) mayHaveMade(cmk kmsapi.KeyMetadata) bool {
	made, err := time.Parse(kmsapi.TimeFormat, cmk.CreationDate)
	return err == nil && made.Sub(c.Begun).Abs() <= creationSpan
}

// describe returns the CMK's description: the caller's, with the marker.
func (c creation) describe(description string) string {
	marker := markerStart + c.Marker + markerEnd
	if description == "" {
		return marker
	}
	return description + " " + marker
}

var markerPattern = regexp.MustCompile(` ?\[vault:([A-Z2-7]{26})\]$`)

// withoutMarker returns a description as the caller gave it.
func withoutMarker(description string) string { return markerPattern.ReplaceAllString(description, "") }

// kind returns the kind of the creation's entry in the write-ahead log.
func (c creation) kind() string {
	if c.Follows != "" {
		return followKind
	}
	return creationKind
}

// makeKey makes a CMK and stores its entry. k.entry is the entry that it replaces, and may be nil. The caller has
// reserved the name, and has called findKey.
func (b *backend) makeKey(
	ctx context.Context, req *logical.Request, k target, wanted newKey,
) (*keyEntry, kmsapi.KeyMetadata, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, kmsapi.KeyMetadata{}, err
	}
	begun := newCreation(k, conn)
	if wanted.derived != nil {
		begun.Derived = *wanted.derived
	}
	if wanted.encryption != "" {
		begun.Encryption, begun.AutoRotate = wanted.encryption, int64(wanted.autoRotate/time.Second)
	}
	logID, err := framework.PutWAL(ctx, req.Storage, begun.kind(), begun)
	if err != nil {
		return nil, kmsapi.KeyMetadata{}, err
	}
	return b.makeCMK(ctx, req, conn, logged{logID, begun}, wanted.cmk,
		func(ctx context.Context, cmk kmsapi.KeyMetadata) (*keyEntry, error) {
			return b.finish(ctx, req, conn, begun, cmk)
		})
}

// A logged is a creation in the write-ahead log, under an id.
type logged struct {
	id string
	creation
}

// makeCMK makes a CMK, and lets finish store the entry that has it. If finish fails, the CMK is returned with the
// error, and the log keeps the creation.
func (b *backend) makeCMK(
	ctx context.Context, req *logical.Request, conn *connection, begun logged, wanted *kmsapi.CreateKeyRequest,
	finish func(context.Context, kmsapi.KeyMetadata) (*keyEntry, error),
) (*keyEntry, kmsapi.KeyMetadata, error) {
	var none kmsapi.KeyMetadata
	cmk := *wanted
	cmk.Description = begun.describe(cmk.Description)
	if cmk.DKMSInstanceId = cmp.Or(cmk.DKMSInstanceId, conn.instance); cmk.DKMSInstanceId != "" {
		cmk.ProtectionLevel = "" // The instance decides it.
	}
	made, err := call(ctx, conn, &cmk)

	// From here on, storage must be written even if the caller is gone.
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err != nil {
		if surelyNotDone(err) && begun.Follows == "" { // A rotation has more to undo.
			b.settled(kept, req.Storage, begun.id)
		}
		failed := &keyEntry{storedCMK: storedCMK{Instance: cmk.DKMSInstanceId}, KeySpec: cmk.KeySpec}
		return nil, none, withTarget(err, target{begun.Name, failed})
	}
	entry, err := finish(kept, made.KeyMetadata)
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.done = fmt.Sprintf("The KMS key %s was made for it; send the same request again to go on with that.",
			made.KeyMetadata.KeyId)
		return nil, made.KeyMetadata, failed
	}
	if err != nil {
		return nil, made.KeyMetadata, refusal.Internal(
			"KMS made the KMS key %s in %s, but storing key %q failed: %s. Send the same request again: the engine then finds the KMS key, as it also does on its own after some minutes",
			made.KeyMetadata.KeyId, conn.region, begun.Name, err)
	}
	b.settled(kept, req.Storage, begun.id)
	return entry, made.KeyMetadata, nil
}

// surelyNotDone reports whether KMS certainly did not run a call that failed. A lost answer or an error inside KMS
// leaves that open.
func surelyNotDone(err error) bool {
	if failed, ok := errors.AsType[*callError](err); ok && failed.unsent {
		return true
	}
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && refused.HTTPStatus < http.StatusInternalServerError
}

// finish stores the entry of a creation whose CMK exists.
func (b *backend) finish(
	ctx context.Context, req *logical.Request, conn *connection, begun creation, cmk kmsapi.KeyMetadata,
) (*keyEntry, error) {
	entry := newEntry(storedCMK{KeyID: cmk.KeyId, Instance: cmk.DKMSInstanceId, Marker: begun.Marker}, begun.Region, cmk)
	entry.BoundContext, entry.Derived = begun.BoundContext, begun.Derived
	if begun.Encryption == encryptionEnvelope {
		if err := b.beginEnvelope(ctx, conn, target{begun.Name, entry}, begun.AutoRotate); err != nil {
			return nil, err
		}
	}
	b.learnFirstVersion(ctx, conn, target{begun.Name, entry})
	if err := b.storeKey(ctx, req.Storage, begun.Name, entry); err != nil {
		b.Logger().Error("KMS made a KMS key, but its key was not stored yet",
			"key", begun.Name, "key_id", entry.KeyID, "region", entry.Region, "error", err)
		return nil, err
	}
	b.Logger().Info("a key was created", "key", begun.Name, "key_id", entry.KeyID, "kms_instance_id", entry.Instance)
	return entry, nil
}

// settled removes an entry from the write-ahead log. If that fails, the entry is settled again later, which changes
// nothing.
func (b *backend) settled(ctx context.Context, s logical.Storage, logID string) {
	if err := framework.DeleteWAL(ctx, s, logID); err != nil {
		b.Logger().Warn("an entry of the write-ahead log was not removed", "id", logID, "error", err)
	}
}
