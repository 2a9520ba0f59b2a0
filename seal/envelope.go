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

// ErrAltered is returned by Decrypt for what does not open with its key: the blob was altered, or is of something else, or the
// AAD is not that of Encrypt.
var ErrAltered = errors.New("the sealed data does not open: it was altered, or the AAD is another")

var (
	errNoBlob     = errors.New("the blob holds no wrapped key, so no seal of type alicloudkms made it")
	errOtherKeyID = errors.New("one wrapper seals with one key, that of SetConfig; WithKeyId asks for another")
)

// Encrypt seals plaintext. It takes [wrapping.WithAad]. No plaintext is the same as an empty one, which are not told apart on
// the way to a plugin.
func (w *Wrapper) Encrypt(ctx context.Context, plaintext []byte, options ...wrapping.Option) (*wrapping.BlobInfo, error) {
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
	// Nonce and ciphertext lie in one array, so an append to the nonce must not have room to write over the ciphertext.
	return &wrapping.BlobInfo{Ciphertext: envelope.Ciphertext, Iv: slices.Clip(envelope.Iv), KeyInfo: keyInfo}, nil
}

// wrap lets KMS encrypt an envelope's key, and notes which CMK did that.
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

// Decrypt opens what Encrypt has sealed, or the wrapper that was before. It takes [wrapping.WithAad].
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
	// It appends the ciphertext to the nonce, which must not write into what the caller has.
	envelope := &wrapping.EnvelopeInfo{Key: key, Iv: slices.Clip(blob.Iv), Ciphertext: blob.Ciphertext}
	plaintext, err := wrapping.EnvelopeDecrypt(envelope, wrapping.WithAad(opts.WithAad))
	if err != nil {
		return nil, ErrAltered
	}
	return plaintext, nil
}

// check finds out whether a blob can be one of this seal.
func check(blob *wrapping.BlobInfo) error {
	info := blob.GetKeyInfo()
	switch {
	case len(info.GetWrappedKey()) == 0:
		return errNoBlob
	case info.GetMechanism() != 0:
		return fmt.Errorf("the blob is of mechanism %d, and this seal knows 0 only; a newer version has made it", info.GetMechanism())
	default:
		return nil
	}
}

// unwrap lets KMS open an envelope's key.
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
