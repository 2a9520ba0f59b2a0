package alicloudkms

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The modes of a key: KMS encrypts, or the engine does, with data keys that only KMS can open.
const (
	encryptionDirect   = "direct"
	encryptionEnvelope = "envelope"
)

func encryptionField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:          framework.TypeString,
		Description:   "What encrypts: KMS itself (direct, the default), or the engine with data keys that KMS opens (envelope).",
		AllowedValues: []any{encryptionDirect, encryptionEnvelope},
	}
}

// checkEncryption checks the name of a mode. "" is not one.
func checkEncryption(mode string) error {
	switch mode {
	case "", encryptionDirect, encryptionEnvelope:
		return nil
	default:
		return refusal.BadRequest("encryption must be %s or %s", encryptionDirect, encryptionEnvelope)
	}
}

var errNoEnvelope = refusal.BadRequest("encryption can't be %s for a key pair: KMS makes no data keys with it",
	encryptionEnvelope)

// A dataKey is a row that is a data key, in the form in which it is used.
type dataKey struct {
	version int
	// wrapped is the decoded CiphertextBlob, and hash is the hash of wrapped.
	wrapped []byte
	hash    [sha256.Size]byte
}

func (e *keyEntry) mode() string { return cmp.Or(e.Encryption, encryptionDirect) }

func (e *keyEntry) isEnvelope() bool { return e.Encryption == encryptionEnvelope }

// hasEnvelopeID reports whether the key has had a data key.
func (e *keyEntry) hasEnvelopeID() bool { return e.EnvelopeID != envelope.ID{} }

// shownID is the envelope id in answers and in storage.
func (e *keyEntry) shownID() string {
	if !e.hasEnvelopeID() {
		return ""
	}
	return e.EnvelopeID.String()
}

// renewGeneration gives a key that has data keys a new generation, so that no node uses data keys that it unwrapped
// before this change of the entry.
func (e *keyEntry) renewGeneration() {
	if e.hasEnvelopeID() {
		e.Generation = rand.Text()
	}
}

// readDataKeys reads the part of a stored entry that is about data keys.
func (e *keyEntry) readDataKeys(id string) (err error) {
	if e.EnvelopeID, err = envelope.ParseID(id); err != nil {
		return err
	}
	if !e.hasEnvelopeID() {
		return errors.New("its envelope id is zero")
	}
	e.dataKeys = map[int]*dataKey{}
	for n := e.versions.First; n <= e.versions.Newest(); n++ {
		row := e.versions.Row(n)
		if !row.IsDataKey() {
			continue
		}
		wrapped, err := wrappedKey(row.WrappedKey)
		if err != nil {
			return err
		}
		e.dataKeys[n] = &dataKey{version: n, wrapped: wrapped, hash: envelope.HashWrapped(wrapped)}
	}
	if e.isEnvelope() && !e.versions.NewestRow().IsDataKey() {
		return errors.New("its newest version is not a data key")
	}
	return nil
}

// wrappedKey returns the bytes of a CiphertextBlob that is a data key.
func wrappedKey(blob string) ([]byte, error) {
	wrapped, err := base64.StdEncoding.DecodeString(blob)
	if err == nil && (len(wrapped) == 0 || len(wrapped) > envelope.MaxWrapped) {
		err = fmt.Errorf("a wrapped data key has %d bytes, and may have 1 to %d", len(wrapped), envelope.MaxWrapped)
	}
	return wrapped, err
}

// hasDataKeys reports whether the key may open ciphertexts of envelope mode.
func (e *keyEntry) hasDataKeys() bool {
	if e.versions.Before > 0 {
		return true
	}
	for i := range e.versions.Rows {
		if e.versions.Rows[i].IsDataKey() {
			return true
		}
	}
	return false
}

// newDataKey asks KMS for the data key of the version after the newest, and has KMS open it once: a data key that the
// engine may make but not open would be useless.
func (b *backend) newDataKey(ctx context.Context, conn *connection, k target) (versions.Row, error) {
	return b.makeDataKey(ctx, conn, k, k.entry.versions.Newest()+1)
}

func (b *backend) makeDataKey(ctx context.Context, conn *connection, k target, n int) (versions.Row, error) {
	encCtx, err := dataKeyContext(k.entry, n)
	if err != nil {
		return versions.Row{}, err
	}
	conn = conn.of(k.entry.Instance)
	made, err := call(ctx, conn, &kmsapi.GenerateDataKeyRequest{
		KeyId: k.entry.cmk(), NumberOfBytes: envelope.KeySize, EncryptionContext: encCtx,
	})
	if err != nil {
		return versions.Row{}, err
	}
	if made.KeyId != k.entry.KeyID {
		return versions.Row{}, k.unusable(kmsapi.OpGenerateDataKey, errOtherKey)
	}
	wrapped, err := wrappedKey(made.CiphertextBlob)
	if err != nil {
		return versions.Row{}, k.unusable(kmsapi.OpGenerateDataKey, err)
	}
	secret, err := b.unwrap(ctx, conn, k, n, wrapped)
	if err != nil {
		return versions.Row{}, withDoubt(err, "Encryption in envelope mode needs kms:Decrypt too.")
	}
	clear(secret[:])
	return versions.Row{
		CMK: k.entry.KeyID, WrappedKey: made.CiphertextBlob, Created: b.process.now().UTC().Format(kmsapi.TimeFormat),
	}, nil
}

var errOtherKey = errors.New("KMS answered for another key")

// An unusableAnswerError is the cause of a [callError] where KMS's answer is not a data key of this key.
type unusableAnswerError struct{ reason error }

func (e *unusableAnswerError) Error() string { return e.reason.Error() }

func (k target) unusable(op kmsapi.Operation, reason error) error {
	return &callError{op: op, err: &unusableAnswerError{reason}, key: k.name}
}

// dataKeyContext returns the context that KMS binds to the wrapped data key of a version.
func dataKeyContext(e *keyEntry, n int) (kmsapi.EncryptionContext, error) {
	if err := checkBoundForDataKeys(e.BoundContext); err != nil {
		return nil, err
	}
	return envelope.DataKeyContext(e.BoundContext, e.EnvelopeID, uint32(n)), nil
}

// checkBoundForDataKeys refuses a bound_context to which the engine's own entries can't be added. It assumes the
// longest entries there can be, since a key that has data keys keeps its bound_context.
func checkBoundForDataKeys(bound map[string]string) error {
	if tooLong(envelope.DataKeyContext(bound, envelope.ID{}, math.MaxUint32)) {
		return refusal.BadRequest("the key's bound_context is too long for envelope mode: with the engine's own entries it may have %d characters of JSON",
			kmsapi.MaxEncryptionContext)
	}
	return nil
}

// newEnvelopeID returns the id of a key that gets its first data key.
func newEnvelopeID() (id envelope.ID) {
	_, _ = rand.Read(id[:]) // It never fails.
	return id
}

// changeEncryption sets the mode that a write of config asks for in the entry, and adds the row that the change needs.
func (b *backend) changeEncryption(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) error {
	wanted, _ := d.Raw["encryption"].(string)
	if err := checkEncryption(wanted); err != nil || wanted == "" || wanted == k.entry.mode() {
		return err
	}
	if k.entry.isAsymmetric() {
		return errNoEnvelope
	}
	if _, _, err := rotationPeriod(d, wanted); err != nil { // Before KMS makes a data key for nothing.
		return err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	if err := b.readyForVersion(ctx, conn, k); err != nil {
		return err
	}
	if wanted == encryptionEnvelope {
		return b.toEnvelope(ctx, conn, k)
	}
	return b.toDirect(ctx, conn, k)
}

// beginEnvelope puts a new key in envelope mode, with a data key as its first version. autoRotate is in seconds.
func (b *backend) beginEnvelope(ctx context.Context, conn *connection, k target, autoRotate int64) error {
	k.entry.EnvelopeID = newEnvelopeID()
	row, err := b.makeDataKey(ctx, conn, k, 1)
	if err != nil {
		return withKey(err, k.name)
	}
	k.entry.Encryption, k.entry.AutoRotate = encryptionEnvelope, time.Duration(autoRotate)*time.Second
	k.entry.versions = versions.New(row)
	return nil
}

// toEnvelope gives the key a data key as its newest version.
func (b *backend) toEnvelope(ctx context.Context, conn *connection, k target) error {
	if !k.entry.hasEnvelopeID() {
		k.entry.EnvelopeID = newEnvelopeID()
	}
	row, err := b.newDataKey(ctx, conn, k)
	if err != nil {
		return withKey(err, k.name)
	}
	k.entry.Encryption, k.entry.AutoRotate = encryptionEnvelope, defaultAutoRotate
	k.entry.versions = k.entry.versions.AddDataKey(row)
	return nil
}

// toDirect adds rows for the versions that KMS has made meanwhile, and another for the newest, which encrypts from now
// on.
func (b *backend) toDirect(ctx context.Context, conn *connection, k target) error {
	found, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return withKey(err, k.name)
	}
	rows, err := b.rowsOfKMS(ctx, conn, k, creation{Given: k.entry.cmk()}, found.KeyMetadata)
	if err != nil {
		return withKey(err, k.name)
	}
	k.entry.Encryption, k.entry.AutoRotate = "", 0
	k.entry.versions = k.entry.versions.Follow(rows...)
	return nil
}
