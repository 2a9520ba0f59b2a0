package seal

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/once"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A keyHolder is a connection to KMS for any number of keys.
type keyHolder struct {
	kms *client.Client
	// instance is the KMS instance whose dedicated gateway is used, and empty for the shared gateway.
	instance string
	// publics has the public keys of versions, by CMK and version: OpenBao makes a new key for each request.
	publics *once.Fresh[*publickey.PublicKey]
	closed  atomic.Bool
}

// publicKeysFor bounds how long a public key is kept in memory. It never changes.
const publicKeysFor = time.Hour

func newKeyHolder(a access, clock func() time.Time) (*keyHolder, error) {
	kms, err := a.connect(clock)
	if err != nil {
		return nil, err
	}
	if clock == nil {
		clock = time.Now
	}
	return &keyHolder{
		kms: kms, instance: a.instance, publics: once.NewFresh[*publickey.PublicKey](publicKeysFor, clock),
	}, nil
}

func (h *keyHolder) close() {
	h.closed.Store(true)
	h.kms.Close()
}

// A key is a CMK, or a version of one that is a key pair.
type key struct {
	keyConfig
	holder *keyHolder
}

var (
	// errUnsupported is for operations that this plugin can't do with a CMK of this kind.
	errUnsupported = errors.New("not supported with a key of this kind")
	// errBadSignature is for signatures that are not the key's.
	errBadSignature = errors.New("it is not a signature of the key")
	// errOtherAnswer is for an answer of KMS that is about another CMK.
	errOtherAnswer = errors.New("KMS answered for another KMS key")
)

// client returns the client, unless the KMS was closed.
func (k *key) client() (*client.Client, error) {
	if k.holder.closed.Load() {
		return nil, errClosed
	}
	return k.holder.kms, nil
}

func (k *key) failed(op kmsapi.Operation, err error) error {
	return &Error{
		Operation: op, KeyID: k.name, InstanceID: k.holder.instance, Err: err, advisor: keysAdvisor,
	}
}

// mustEncrypt refuses key pairs. KMS's encrypt only a few bytes, and bind no context to a ciphertext.
func (k *key) mustEncrypt() error {
	if k.version != "" {
		return fmt.Errorf("encryption is %w: it has a key_version_id, so it is a key pair", errUnsupported)
	}
	return nil
}

// mustSign refuses keys whose version is not known, since KMS has no current version of a key pair.
func (k *key) mustSign() error {
	if k.version == "" {
		return errors.New("key_version_id is required for signatures and public keys: the version of the key pair, as ListKeyVersions returns it")
	}
	return nil
}

// public returns the public key of the version.
func (k *key) public(ctx context.Context) (*publickey.PublicKey, error) {
	kms, err := k.client()
	if err != nil {
		return nil, err
	}
	if err := k.mustSign(); err != nil {
		return nil, err
	}
	return k.holder.publics.Get(ctx, k.id+"/"+k.version, func() (*publickey.PublicKey, error) {
		answer, err := kms.GetPublicKey(ctx, &kmsapi.GetPublicKeyRequest{KeyId: k.name, KeyVersionId: k.version})
		if err != nil {
			return nil, k.failed(kmsapi.OpGetPublicKey, err)
		}
		if answer.KeyId != k.id || answer.KeyVersionId != k.version {
			return nil, errOtherAnswer
		}
		return parsePublic(answer.PublicKey)
	})
}
