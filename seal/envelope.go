package seal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ErrAltered is returned by Decrypt for a blob that does not open: it was altered, or did not come from Encrypt, or the
// AAD is different.
var ErrAltered = errors.New("the sealed data does not open: it was altered, or the AAD is different")

var (
	errNoBlob     = errors.New("the blob has no wrapped key, so it did not come from a seal of type alicloudkms")
	errOtherKeyID = errors.New("a wrapper seals only with the key given to SetConfig; WithKeyId names another")
)

// Encrypt seals plaintext. It takes [wrapping.WithAad]. A nil plaintext and an empty one are the same, since the plugin
// protocol does not distinguish them.
func (w *Wrapper) Encrypt(
	ctx context.Context, plaintext []byte, options ...wrapping.Option,
) (*wrapping.BlobInfo, error) {
	c, err := w.connected()
	if err != nil {
		return nil, err
	}
	opts, err := wrapping.GetOpts(options...)
	if err != nil {
		return nil, err
	}
	if opts.WithKeyId != "" && opts.WithKeyId != c.config.keyID {
		return nil, errOtherKeyID
	}
	envelope, err := wrapping.EnvelopeEncrypt(plaintext, wrapping.WithAad(opts.WithAad))
	if err != nil {
		return nil, err
	}
	defer clear(envelope.Key)
	keyInfo, err := c.wrap(ctx, envelope.Key)
	if err != nil {
		return nil, err
	}
	// Nonce and ciphertext share an array. Clipped, an append to the nonce can't overwrite the ciphertext.
	return &wrapping.BlobInfo{Ciphertext: envelope.Ciphertext, Iv: slices.Clip(envelope.Iv), KeyInfo: keyInfo}, nil
}

// wrap has KMS encrypt an envelope's key, and remembers which CMK did that.
func (c *connection) wrap(ctx context.Context, key []byte) (*wrapping.KeyInfo, error) {
	answer, err := c.kms.Encrypt(ctx, &kmsapi.EncryptRequest{
		KeyId: c.config.keyID, Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(key)),
	})
	if err != nil {
		return nil, &Error{Operation: kmsapi.OpEncrypt, KeyID: c.config.keyID, Err: err}
	}
	if answer.KeyId != "" {
		c.current.Store(&answer.KeyId)
	}
	return &wrapping.KeyInfo{KeyId: *c.current.Load(), WrappedKey: []byte(answer.CiphertextBlob)}, nil
}

// Decrypt opens what Encrypt, or the wrapper that this one replaces, has sealed. It takes [wrapping.WithAad].
func (w *Wrapper) Decrypt(ctx context.Context, blob *wrapping.BlobInfo, options ...wrapping.Option) ([]byte, error) {
	c, err := w.connected()
	if err != nil {
		return nil, err
	}
	opts, err := wrapping.GetOpts(options...)
	if err != nil {
		return nil, err
	}
	if err := check(blob); err != nil {
		return nil, err
	}
	key, err := c.unwrap(ctx, blob.KeyInfo)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	// EnvelopeDecrypt appends the ciphertext to the nonce. Clipped, that can't write into the caller's memory.
	envelope := &wrapping.EnvelopeInfo{Key: key, Iv: slices.Clip(blob.Iv), Ciphertext: blob.Ciphertext}
	plaintext, err := wrapping.EnvelopeDecrypt(envelope, wrapping.WithAad(opts.WithAad))
	if err != nil {
		return nil, ErrAltered
	}
	return plaintext, nil
}

// check refuses blobs that can't be from this seal.
func check(blob *wrapping.BlobInfo) error {
	info := blob.GetKeyInfo()
	switch {
	case len(info.GetWrappedKey()) == 0:
		return errNoBlob
	case info.GetMechanism() != 0:
		return fmt.Errorf("the blob has mechanism %d, from a newer version; this seal supports only 0", info.GetMechanism())
	default:
		return nil
	}
}

// unwrap has KMS decrypt an envelope's key.
func (c *connection) unwrap(ctx context.Context, info *wrapping.KeyInfo) ([]byte, error) {
	answer, err := c.kms.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: string(info.WrappedKey)})
	if err != nil {
		return nil, &Error{Operation: kmsapi.OpDecrypt, KeyID: info.KeyId, Err: err}
	}
	key, err := base64.StdEncoding.DecodeString(answer.Plaintext.Reveal())
	if err != nil {
		return nil, ErrAltered
	}
	return key, nil
}
