package alicloudkms

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// maxMessage bounds a plaintext of envelope mode, in bytes.
	maxMessage = 4 << 20
	// maxMessageText bounds its ciphertext, in characters of base64: the header and the tag take less than 2 KiB.
	maxMessageText = (maxMessage + 2<<10) / 3 * 4
)

// A sealedText is a ciphertext of envelope mode with what the caller gives for it. None of it is authenticated yet.
type sealedText struct {
	message  envelope.Message
	contexts kmsapi.EncryptionContext
}

// sealedText reads a ciphertext of an item.
func (e *keyEntry) sealedText(made messageText, d *framework.FieldData) (*sealedText, error) {
	message, err := made.parse("ciphertext")
	if err != nil {
		return nil, err
	}
	s := &sealedText{message: message}
	s.contexts, err = e.messageContext(d)
	return s, err
}

// A messageText is the base64 of a ciphertext of envelope mode. The number before it can't be relied on: some clients
// write 1, whatever the version.
type messageText string

// messageIn returns the ciphertext of a field if it is one of envelope mode. None of KMS's begins like that, and KMS is
// never asked to open one.
func messageIn(d *framework.FieldData, field string) (m messageText, ok bool) {
	_, made, err := versions.Split(fields.String(d, field))
	return messageText(made), err == nil && envelope.IsText(made)
}

// parse returns the message of the ciphertext of a field. None of it is authenticated yet.
func (t messageText) parse(field string) (envelope.Message, error) {
	if len(t) > maxMessageText {
		return envelope.Message{}, tooLongMessage(field)
	}
	data, err := canonicalBase64(string(t))
	var m envelope.Message
	if err == nil {
		m, err = envelope.Parse(data)
	}
	if err != nil {
		return envelope.Message{}, refusal.BadRequest("%s is malformed: %s", field, err)
	}
	return m, nil
}

var errBase64 = errors.New("it is not canonical base64")

// canonicalBase64 decodes base64 in the exact form that an encoder produces.
func canonicalBase64(encoded string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(encoded) != base64.StdEncoding.EncodedLen(len(data)) { // A decoder skips line breaks.
		return nil, errBase64
	}
	return data, nil
}

func tooLongMessage(field string) error {
	return refusal.BadRequest("%s is too long: in envelope mode, the engine encrypts up to %d MiB", field, maxMessage>>20)
}

// seal encrypts a plaintext with a data key, and returns the ciphertext with the prefix of its version.
func (b *backend) seal(
	ctx context.Context, c *connection, k target, row *dataKey, contexts kmsapi.EncryptionContext, plaintext []byte,
) (ciphertext string, err error) {
	var message []byte
	err = b.withDataKey(ctx, c, k, k.ofRow(c, row), func(key *envelope.Key) error {
		message = key.AppendMessage(message[:0], k.entry.header(row), contexts, plaintext)
		return nil
	})
	if err != nil {
		return "", err
	}
	return versions.JoinBytes(row.version, message), nil
}

// header returns the header of ciphertexts of a data key of the entry.
func (e *keyEntry) header(row *dataKey) envelope.Header {
	return envelope.Header{ID: e.EnvelopeID, Version: uint32(row.version), Wrapped: row.wrapped}
}

// unseal decrypts a ciphertext of the key. A ciphertext that the entry does not know is a [foreignError], without a
// call to KMS.
func (b *backend) unseal(ctx context.Context, c *connection, k target, s *sealedText) (plaintext []byte, err error) {
	n := int(s.message.Version)
	switch e := k.entry; {
	case !e.hasEnvelopeID() || s.message.ID != e.EnvelopeID:
		return nil, &foreignError{}
	case n > e.versions.Newest():
		return nil, &foreignError{version: n, newest: e.versions.Newest()}
	case n < e.oldestToOpen():
		return nil, tooOld(n, k)
	}
	err = b.withDataKey(ctx, c, k, k.ofMessage(c, &s.message), func(key *envelope.Key) (err error) {
		plaintext, err = key.Open(nil, s.message, s.contexts)
		return err
	})
	if errors.Is(err, envelope.ErrOpen) {
		return nil, refusal.BadRequest("the ciphertext does not open: it was altered, or encryption_context, context and associated_data are not those it was encrypted with")
	}
	return plaintext, err
}
