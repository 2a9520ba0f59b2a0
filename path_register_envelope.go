package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxFormer bounds the version from which a registered key goes on, so that enough numbers are left.
const maxFormer = 1_000_000_000

func envelopeTextField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "A ciphertext that the former key made in envelope mode, of the highest version that you have. The name becomes that key again, in envelope mode, if KMS unwraps the ciphertext's data key with bound_context.",
	}
}

// formerMessage returns the message of envelope_text, and nil if none is given. None of it is authenticated yet.
func formerMessage(d *framework.FieldData) (*envelope.Message, error) {
	const field = "envelope_text"
	if _, given := d.Raw[field]; !given {
		return nil, nil
	}
	text, ok := messageIn(d, field)
	if !ok {
		return nil, refusal.BadRequest("%s must be a ciphertext that the former key has made in envelope mode: vault:vN: followed by base64 that begins with AEFLRQ. What it has encrypted in direct mode opens without envelope_text%s",
			field, fields.FileHint(field, fields.String(d, field)))
	}
	m, err := text.parse(field)
	if err != nil {
		return nil, err
	}
	if m.Version > maxFormer {
		return nil, refusal.BadRequest("%s is of version %d, and a key can continue from at most %d",
			field, m.Version, maxFormer)
	}
	return &m, nil
}

// goOnAs turns an entry that is not stored yet into the entry of the key that made a message. Its versions continue,
// after those of the message and of the CMKs, with a new data key.
func (b *backend) goOnAs(ctx context.Context, conn *connection, k target, m envelope.Message) error {
	if k.entry.fullness(k.name) >= 1 {
		return tooManyVersions(k.name)
	}
	k.entry.EnvelopeID = m.ID
	if err := b.proveFormer(ctx, conn, k, m); err != nil {
		return err
	}
	n := max(k.entry.versions.Newest(), int(m.Version)) + 1
	row, err := b.makeDataKey(ctx, conn, k, n)
	if err != nil {
		return err
	}
	k.entry.Encryption, k.entry.AutoRotate = encryptionEnvelope, defaultAutoRotate
	k.entry.versions = k.entry.versions.AddDataKey(row).StartAt(n)
	return nil
}

// proveFormer refuses a message unless one of the entry's CMKs wrapped its data key, and KMS opens that for the
// envelope id and the version that the message names, with the bound context of the entry. The message's own contexts
// are not known here, so it is not decrypted.
func (b *backend) proveFormer(ctx context.Context, conn *connection, k target, m envelope.Message) error {
	secret, err := b.unwrap(ctx, conn.of(k.entry.Instance), k, int(m.Version), m.Wrapped)
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return refusal.Forbidden("the data key of envelope_text was wrapped by a KMS key other than key_id and previous_key_ids: also give the one that the former key had when it made the ciphertext (request id %s)",
			foreign.requestID)
	}
	if err != nil {
		return withDoubt(err, aboutFormer(err))
	}
	key := envelope.NewKey(secret)
	clear(secret[:])
	defer key.Clear()
	if !key.IsCommitted(m) {
		return refusal.BadRequest("envelope_text was altered: its data key did not make it")
	}
	return nil
}

// aboutFormer returns advice for when the data key of envelope_text can't be opened.
func aboutFormer(err error) string {
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok && refused.Kind() == kmsapi.KindState {
		return "KMS must open the data key of envelope_text: register it without envelope_text, make the KMS key usable, deregister it, and register it with envelope_text."
	}
	return "It is about the data key of envelope_text, which opens only with the bound_context of the former key."
}

// warnOfNewer warns that an already registered key does not open the ciphertext given with a repeated registration.
func (r *registration) warnOfNewer(resp *logical.Response, e *keyEntry) {
	if r.former != nil && int(r.former.Version) > e.versions.Newest() {
		resp.AddWarning(fmt.Sprintf("envelope_text is of version %d, and the newest version of the key is %d: rotate the key until it has that version",
			r.former.Version, e.versions.Newest()))
	}
}

// keysOfEnvelope returns the other names that have the envelope id of a key.
func (b *backend) keysOfEnvelope(ctx context.Context, req *logical.Request, k target) (names []string, err error) {
	if !k.entry.hasEnvelopeID() {
		return nil, nil
	}
	err = b.eachKey(ctx, req, func(other target) {
		if other.name != k.name && other.entry.EnvelopeID == k.entry.EnvelopeID {
			names = append(names, other.name)
		}
	})
	return names, err
}

func warnOfSharedEnvelope(resp *logical.Response, names []string) {
	if len(names) > 0 {
		resp.AddWarning("These keys have the same envelope_id, so each can decrypt what the others encrypt in envelope mode with a KMS key that it has too: " +
			strings.Join(names, ", "))
	}
}
