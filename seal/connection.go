package seal

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A connection is the result of SetConfig. Only current and warned change.
type connection struct {
	config config
	kms    *client.Client
	// warn logs a warning, and warned has the ids of the CMKs that were warned about.
	warn   func(message string, args ...any)
	warned sync.Map
	// current is the id of the CMK that encrypted last. It is nil until it is known.
	current atomic.Pointer[string]
}

// findKey learns the id of the CMK, so that a wrong key or a missing permission is found when the server starts.
func (c *connection) findKey(ctx context.Context) error {
	if c.config.instance != "" {
		return c.tryKey(ctx)
	}
	answer, err := c.kms.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: c.config.keyID})
	if err != nil {
		return c.failed(kmsapi.OpDescribeKey, c.config.keyID, err)
	}
	c.current.Store(&answer.KeyMetadata.KeyId)
	return nil
}

// tryKey is findKey for a dedicated gateway, which does not serve DescribeKey. Here too, a disabled key is not an
// error.
func (c *connection) tryKey(ctx context.Context) error {
	_, err := c.wrap(ctx, probe)
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok && refused.Kind() == kmsapi.KindState {
		return nil
	}
	return err
}

// probe is the plaintext of an encryption that only serves to learn the id of the CMK.
var probe = []byte("which key is it?")

// keyID returns the id of the CMK that encrypted last or, if none did, that would encrypt now.
func (c *connection) keyID(ctx context.Context) (string, error) {
	if current := c.current.Load(); current != nil {
		return *current, nil
	}
	info, err := c.wrap(ctx, probe)
	return info.GetKeyId(), err
}

// wrap has KMS encrypt an envelope's key, and remembers the CMK that did it.
func (c *connection) wrap(ctx context.Context, key []byte) (*wrapping.KeyInfo, error) {
	answer, err := c.kms.Encrypt(ctx, &kmsapi.EncryptRequest{
		KeyId: c.config.keyID, Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(key)),
	})
	if err != nil {
		return nil, c.failed(kmsapi.OpEncrypt, c.config.keyID, err)
	}
	if answer.KeyId != "" {
		c.current.Store(&answer.KeyId)
	}
	c.current.CompareAndSwap(nil, &c.config.keyID) // The reference doesn't promise an id in the answer.
	return &wrapping.KeyInfo{KeyId: *c.current.Load(), WrappedKey: []byte(answer.CiphertextBlob)}, nil
}

// unwrap has KMS decrypt an envelope's key.
func (c *connection) unwrap(ctx context.Context, info *wrapping.KeyInfo) ([]byte, error) {
	answer, err := c.kms.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: string(info.WrappedKey)})
	if err != nil {
		return nil, c.failed(kmsapi.OpDecrypt, info.KeyId, err)
	}
	if err := c.checkSealer(ctx, answer.KeyId); err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(answer.Plaintext.Reveal())
	if err != nil {
		return nil, ErrAltered
	}
	return key, nil
}

func (c *connection) failed(op kmsapi.Operation, keyID string, err error) error {
	return &Error{Operation: op, KeyID: keyID, InstanceID: c.config.instance, Err: err}
}
