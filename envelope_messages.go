package alicloudkms

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
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

// A sealedText is a ciphertext of envelope mode with what the caller gives for it. Nothing in it is proved.
type sealedText struct {
	message  envelope.Message
	contexts kmsapi.EncryptionContext
}

// sealedText reads the base64 of a ciphertext.
func (e *keyEntry) sealedText(made string, d *framework.FieldData) (*sealedText, error) {
	if len(made) > maxMessageText {
		return nil, tooLongMessage("ciphertext")
	}
	s := new(sealedText)
	data, err := canonicalBase64(made)
	if err == nil {
		s.message, err = envelope.Parse(data)
	}
	if err != nil {
		return nil, refusal.BadRequest("ciphertext is malformed: %s", err)
	}
	s.contexts, err = e.messageContext(d)
	return s, err
}

var errBase64 = errors.New("it is not canonical base64")

// canonicalBase64 decodes what an encoder makes, and nothing else.
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

// header is that of what a data key of the entry encrypts.
func (e *keyEntry) header(row *dataKey) envelope.Header {
	return envelope.Header{ID: e.EnvelopeID, Version: uint32(row.version), Wrapped: row.wrapped}
}

// unseal decrypts a ciphertext of the key. What the entry does not know is a [foreignError] without a call to KMS.
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
