package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openbao/go-kms-wrapping/v2"
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

// Decrypt opens blobs of Encrypt, or of the wrapper that this one replaces. It takes [wrapping.WithAad].
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

// check refuses blobs that this seal can't have made.
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
