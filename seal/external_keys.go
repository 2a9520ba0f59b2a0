package seal

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/openbao/go-kms-wrapping/v2/kms"
)

// ExternalKeys lets the secrets engines of OpenBao use keys that stay in KMS. The zero value needs Open first. It is
// safe for concurrent use, and has no lock.
//
// Only this file knows OpenBao's interfaces, which still change.
type ExternalKeys struct {
	kms.UnimplementedKMS

	// Clock returns the time. Nil means [time.Now].
	Clock func() time.Time

	opened atomic.Pointer[keyHolder]
}

var (
	_ kms.KMS = (*ExternalKeys)(nil)
	_ kms.Key = externalKey{}
)

// NewExternalKeys returns the KMS that a plugin serves.
func NewExternalKeys() kms.KMS { return new(ExternalKeys) }

// SensitiveKMSFields returns the fields of Open's configuration that must not be shown, under all their names.
func SensitiveKMSFields() []string {
	return externalKeys.names(func(s setting) bool { return s.secret })
}

var (
	errOpen   = errors.New("the KMS is open already")
	errClosed = errors.New("the KMS is closed, or was never opened")
)

// Open reads the configuration. It does no I/O unless the configuration refers to files, so whether KMS accepts the
// configuration shows only when a key is used. Without AllowEnvironment, it reads neither variables nor files, and
// credentials are not searched for elsewhere.
func (e *ExternalKeys) Open(_ context.Context, options *kms.OpenOptions) error {
	reached, err := readAccess(options.ConfigMap, options.AllowEnvironment)
	if err != nil {
		return err
	}
	holder, err := newKeyHolder(reached, e.Clock)
	if err != nil {
		return err
	}
	if !e.opened.CompareAndSwap(nil, holder) {
		holder.close()
		return errOpen
	}
	return nil
}

// GetKey reads the configuration of a key, without calling KMS.
func (e *ExternalKeys) GetKey(_ context.Context, options *kms.KeyOptions) (kms.Key, error) {
	holder := e.opened.Load()
	if holder == nil {
		return nil, errClosed
	}
	config, err := readKey(options.ConfigMap)
	if err != nil {
		return nil, err
	}
	return externalKey{key: &key{keyConfig: config, holder: holder}}, nil
}

// Close closes idle connections. The keys that GetKey returned can no longer be used.
func (e *ExternalKeys) Close(context.Context) error {
	if holder := e.opened.Swap(nil); holder != nil {
		holder.close()
	}
	return nil
}

// Format prints what e is, for every verb.
func (e *ExternalKeys) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "External Keys "+string(Type))
}

// An externalKey is a key as OpenBao sees it.
type externalKey struct {
	kms.UnimplementedKey
	key *key
}

// Encrypt has KMS encrypt up to 6 KiB, and bind the additional data.
func (e externalKey) Encrypt(ctx context.Context, options *kms.CipherOptions) ([]byte, error) {
	ciphertext, err := e.key.encrypt(ctx, options.Data, options.AAD)
	return ciphertext, inTheirWords(err)
}

// Decrypt has KMS decrypt a ciphertext of Encrypt.
func (e externalKey) Decrypt(ctx context.Context, options *kms.CipherOptions) ([]byte, error) {
	plaintext, err := e.key.decrypt(ctx, options.Data, options.AAD)
	return plaintext, inTheirWords(err)
}

// Sign has KMS sign a SHA-256 digest.
func (e externalKey) Sign(ctx context.Context, options *kms.SignOptions) ([]byte, error) {
	signature, err := e.key.sign(ctx, message{options.Data, options.Prehashed}, options.SignerOpts)
	return signature, inTheirWords(err)
}

// Verify checks a signature here, with the public key that KMS returned.
func (e externalKey) Verify(ctx context.Context, options *kms.VerifyOptions) error {
	signed := message{options.Data, options.Prehashed}
	return inTheirWords(e.key.verify(ctx, signed, options.Signature, options.SignerOpts))
}

// ExportPublic returns an [*rsa.PublicKey] or an [*ecdsa.PublicKey].
func (e externalKey) ExportPublic(ctx context.Context) (crypto.PublicKey, error) {
	public, err := e.key.public(ctx)
	if err != nil {
		return nil, inTheirWords(err)
	}
	return public.Key(), nil
}

// inTheirWords gives errors that OpenBao distinguishes the identity of OpenBao's own.
func inTheirWords(err error) error {
	switch {
	case errors.Is(err, errUnsupported):
		return fmt.Errorf("%w: %w", kms.ErrNotImplemented, err)
	case errors.Is(err, errBadSignature):
		return fmt.Errorf("%w: %w", kms.ErrInvalidSignature, err)
	default:
		return err
	}
}
