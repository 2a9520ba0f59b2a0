package alicloudkms

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

const (
	// keyPrefix is the storage folder of key entries.
	keyPrefix = "key/"
	// maxKeyName bounds a key's name, which becomes part of a storage path.
	maxKeyName = 128
)

// A keyEntry is what the engine stores about a key, under keyPrefix and the key's name; [keyEntry.MarshalJSON] has the
// form. An entry that is in the cache is shared and never changed; changes are made to a copy read from storage.
type keyEntry struct {
	// format is the format of the stored entry: formatVersions, or 0 for an earlier one, whose only version has an
	// unknown id.
	format int
	// The current CMK encrypts and signs. It has the newest row of versions.
	storedCMK
	// earlier are the CMKs that the key had before, the oldest first. One with no row left in versions no longer
	// belongs to the key, but has not been deleted yet.
	earlier []storedCMK
	// versions has a row for each version of the key.
	versions versions.Table
	// Region is where the CMKs live. If the engine is configured for another region, KMS does not find them there.
	Region string
	// KeySpec and KeyUsage are KMS's, and the same for every CMK of the key. KeySpec is empty in an entry of format 0.
	KeySpec, KeyUsage string
	// DeletionAllowed must be set before the CMKs can be scheduled for deletion.
	DeletionAllowed bool
	// BoundContext is part of every encryption context of this key.
	BoundContext map[string]string
	// Derived says that every use of the key must give a context, like a derived key of transit.
	Derived bool
	// MinDecryption is the oldest version that decrypts and verifies; 0 or 1 allows all. MinEncryption is the oldest
	// that a caller may choose for encrypting and signing.
	MinDecryption, MinEncryption int
	// Generation changes when the engine enables, disables, schedules the deletion of, or keeps the CMKs of the key, so
	// that other nodes discard what they remember about them. It is random, and empty before the first such change.
	Generation string
	// read is when the entry was read, if it is a cached one.
	read time.Time
	// AutoRotate is the interval at which a key in envelope mode gets a new data key; 0 means never. For other keys,
	// KMS has it.
	AutoRotate time.Duration
	// Encryption is the mode; empty means direct. EnvelopeID names the key's data keys, and is zero before the first.
	Encryption string
	EnvelopeID envelope.ID
	// dataKeys are the rows that are data keys, under their numbers. Only entries read from storage have them.
	dataKeys map[int]*dataKey
}

// A storedCMK is a CMK that a key has, or has had.
type storedCMK struct {
	// KeyID is the CMK's id.
	KeyID string `json:"key_id"`
	// ARN names the CMK in requests if it was registered by its ARN, as a CMK of another account must be.
	ARN string `json:"arn,omitempty"`
	// Instance is the KMS instance that the CMK is in, as KMS said when the CMK was made, registered or last read. The
	// form of KeyID does not show it.
	Instance string `json:"kms_instance_id,omitempty"`
	// Marker is the marker of the [creation] that made the CMK, or that let it follow. A registered CMK has none.
	Marker string `json:"marker,omitempty"`
}

// cmk is what requests call the CMK. Answers have its id.
func (c *storedCMK) cmk() string { return cmp.Or(c.ARN, c.KeyID) }

// cmks returns the CMKs of the key, the oldest first. The last one is the current one.
func (e *keyEntry) cmks() []storedCMK {
	all := make([]storedCMK, 0, len(e.earlier)+1)
	for _, c := range e.earlier {
		if e.versions.Has(c.KeyID) {
			all = append(all, c)
		}
	}
	return append(all, e.storedCMK)
}

// hasCMK reports whether a CMK is one of [keyEntry.cmks].
func (e *keyEntry) hasCMK(id string) bool { return id == e.KeyID || e.versions.Has(id) }

// ids returns the ids of cmks.
func ids(cmks []storedCMK) (all []string) {
	for _, c := range cmks {
		all = append(all, c.KeyID)
	}
	return all
}

// leftCMKs returns the earlier CMKs with no version left, the oldest first.
func (e *keyEntry) leftCMKs() (left []storedCMK) {
	for _, c := range e.earlier {
		if !e.versions.Has(c.KeyID) {
			left = append(left, c)
		}
	}
	return left
}

// hasMarker reports whether a creation made one of the CMKs that the key has, or has had.
func (e *keyEntry) hasMarker(marker string) bool {
	return e.Marker == marker || slices.ContainsFunc(e.earlier, func(c storedCMK) bool { return c.Marker == marker })
}

// fields are the entry's own fields in answers.
func (e *keyEntry) fields(name string) map[string]any {
	bound := maps.Clone(e.BoundContext)
	if bound == nil {
		bound = map[string]string{}
	}
	return map[string]any{
		"name":             name,
		"key_id":           e.KeyID,
		"region":           e.Region,
		"kms_instance_id":  e.Instance,
		"deletion_allowed": e.DeletionAllowed,
		"derived":          e.Derived,
		"encryption":       e.mode(),
		"envelope_id":      e.shownID(),
		"bound_context":    bound,

		"min_decryption_version": e.oldestToOpen(),
		"min_encryption_version": e.MinEncryption,
	}
}

// stored shows the entry without its CMK's metadata.
func (e *keyEntry) stored(name string) *logical.Response {
	resp := &logical.Response{Data: e.fields(name)}
	e.warnOfReserved(resp)
	return resp
}

// loadKey reads an entry from storage, and returns nil if there is none.
func loadKey(ctx context.Context, s logical.Storage, name string) (*keyEntry, error) {
	stored, err := s.Get(ctx, keyPrefix+name)
	if err != nil || stored == nil {
		return nil, err
	}
	return decodeKey(name, stored.Value)
}

// storeKey writes an entry. The cached one is dropped even if that fails, because what was stored is then unknown.
func (b *backend) storeKey(ctx context.Context, s logical.Storage, name string, e *keyEntry) error {
	defer b.forgetKey(name)
	e.renewGeneration()
	stored, err := encodeKey(name, e)
	if err != nil {
		return err
	}
	return s.Put(ctx, stored)
}

// removeKey deletes an entry, and nothing in KMS.
func (b *backend) removeKey(ctx context.Context, s logical.Storage, name string) error {
	defer b.forgetKey(name)
	return s.Delete(ctx, keyPrefix+name)
}

// A target is the key that a request works on.
type target struct {
	name  string
	entry *keyEntry
}

type (
	// A keyUse uses the CMK of a key, and answers with an A.
	keyUse[A any] func(context.Context, *connection, target, *framework.FieldData) (A, error)
	// A useHandler answers a whole request.
	useHandler = keyUse[*logical.Response]
	// An itemHandler answers one item. A request has one, or many in a batch.
	itemHandler = keyUse[itemAnswer]
	// A keyHandler shows, changes or removes the entry of a key.
	keyHandler func(context.Context, *logical.Request, target, *framework.FieldData) (*logical.Response, error)
	// A nameHandler works on a name that may have no key yet.
	nameHandler func(_ context.Context, _ *logical.Request, name string, _ *framework.FieldData) (*logical.Response, error)
)

// useKey adapts a handler that leaves the entry as it is. Warm, it costs no storage call.
func (b *backend) useKey(handle useHandler) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		conn, k, err := b.target(ctx, req, d)
		if err != nil {
			return nil, err
		}
		return useTarget(ctx, b, req, conn, k, d, handle)
	}
}

// target returns what a request needs to use its key. The connection is the one for keys of its instance.
func (b *backend) target(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*connection, target, error) {
	name, err := keyName(d)
	if err != nil {
		return nil, target{}, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, target{}, err
	}
	k, err := b.knownKey(ctx, req, name)
	if err != nil {
		return nil, target{}, err
	}
	return conn.of(k.entry.Instance), k, nil
}

// knownKey returns the key called name, which must exist. Warm, it costs no storage call.
func (b *backend) knownKey(ctx context.Context, req *logical.Request, name string) (target, error) {
	entry, err := b.cachedKey(ctx, req, name)
	if err != nil {
		return target{}, err
	}
	if entry == nil {
		return target{}, b.missing(unknownKey(req, name))
	}
	return target{name, entry}, nil
}

// showKey adapts a handler that shows a key. For a name that the engine does not know, it answers nothing, which is
// 404.
func (b *backend) showKey(handle keyHandler) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		name, err := keyName(d)
		if err != nil {
			return nil, err
		}
		entry, err := b.cachedKey(ctx, req, name)
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return nil, b.missing(nil)
		}
		resp, err := handle(ctx, req, target{name, entry}, d)
		return resp, withKey(err, name)
	}
}

// reserveName adapts a handler that changes or makes a key, so that no other request does so at the same time.
func (b *backend) reserveName(handle nameHandler) framework.OperationFunc {
	return reserving(func(_ context.Context, name string) (func(), error) { return b.reserveKey(name) }, handle)
}

func reserving(
	reserve func(ctx context.Context, name string) (release func(), err error), handle nameHandler,
) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		name, err := keyName(d)
		if err != nil {
			return nil, err
		}
		release, err := reserve(ctx, name)
		if err != nil {
			return nil, err
		}
		defer release()
		resp, err := handle(ctx, req, name, d)
		return resp, withKey(err, name)
	}
}

// changeKey adapts a handler that changes or removes the entry. It passes a fresh copy of what is stored, and no other
// request changes the entry meanwhile.
func (b *backend) changeKey(handle keyHandler) framework.OperationFunc {
	return b.reserveName(ofStored(handle))
}

// ofStored passes a handler a fresh copy of the stored entry of a key, which must exist.
func ofStored(handle keyHandler) nameHandler {
	return func(
		ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
	) (*logical.Response, error) {
		entry, err := loadKey(ctx, req.Storage, name)
		if err != nil {
			return nil, err
		}
		if entry == nil {
			return nil, unknownKey(req, name)
		}
		return handle(ctx, req, target{name, entry}, d)
	}
}

func (b *backend) cachedKey(ctx context.Context, req *logical.Request, name string) (*keyEntry, error) {
	load := func() (*keyEntry, error) {
		read := b.process.now()
		entry, err := loadKey(ctx, req.Storage, name)
		if entry != nil {
			entry.read = read
		}
		return entry, err
	}
	if b.uncached.Load() {
		return load()
	}
	return b.keys.Get(name, load)
}

// withTarget adds the key to the error of a call to KMS.
func withTarget(err error, k target) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.key, failed.instance = k.name, k.entry.Instance
	}
	return withSM(err, k.entry.KeySpec)
}

// withKey adds a key's name to the error of a call to KMS, for the advice that goes with it.
func withKey(err error, name string) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.key = name
	}
	return err
}

// nameField is the key's name in a path.
func nameField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "The name of the key, in the path: letters, digits, '_', '-' and '.', but not '..', and no '-' or '.' at its ends.",
		Required:    true,
	}
}

// keyName returns the key's name in the path, whose pattern ensures its form.
func keyName(d *framework.FieldData) (string, error) {
	return checkKeyName(d.Get("name").(string))
}

// keyField returns the key's name in a field.
func keyField(d *framework.FieldData, field string) (string, error) {
	name := d.Get(field).(string)
	if !fields.KeyName.Valid(name) {
		return "", refusal.BadRequest("the field %q must be the name of a key of this engine", field)
	}
	return checkKeyName(name)
}

func checkKeyName(name string) (string, error) {
	if len(name) > maxKeyName {
		return "", refusal.BadRequest("the key name is too long: it may have %d characters", maxKeyName)
	}
	return name, nil
}
