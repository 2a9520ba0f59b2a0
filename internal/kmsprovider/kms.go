package kmsprovider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// KMS encrypts with a key of KMS itself. Encrypt and Decrypt need the permissions kms:Encrypt and kms:Decrypt, and the
// check kms:DescribeKey.
type KMS struct {
	// Client calls KMS.
	Client client.Doer
	// Key encrypts, and decrypts.
	Key Key
	// Previous are the other keys that decrypt.
	Previous []Key
	// Cluster is the name that everything is bound to.
	Cluster string
	// Dedicated is set if Client uses the dedicated gateway of a KMS instance, which does not describe keys: then the
	// check encrypts. It still describes the key once if Key is not an ARN.
	Dedicated bool

	// described is where the key is, once KMS has said so.
	described atomic.Pointer[arn]
}

// Current implements [Backend]. It also finds out whether the key is enabled.
func (k *KMS) Current(ctx context.Context) (string, error) {
	if k.Dedicated {
		return k.tryOut(ctx)
	}
	key, where, err := k.describe(ctx, k.Key)
	if err != nil {
		return "", err
	}
	k.described.Store(&where)
	if err := kmsapi.OpEncrypt.Refusal(key.KeyState); err != nil {
		return "", fmt.Errorf("the key %s can't encrypt: %w", k.Key, err)
	}
	if key.PrimaryKeyVersion == "" {
		return k.tryOut(ctx)
	}
	return keyVersion{where, key.PrimaryKeyVersion}.String(), nil
}

// CheckPrevious implements [Backend]. A dedicated gateway says nothing about keys.
func (k *KMS) CheckPrevious(ctx context.Context) error {
	if k.Dedicated {
		return nil
	}
	for _, previous := range k.Previous {
		key, _, err := k.describe(ctx, previous)
		if err != nil {
			return fmt.Errorf("the previous key %s: %w", previous, err)
		}
		if refused := kmsapi.OpDecrypt.Refusal(key.KeyState); refused != nil {
			return fmt.Errorf("the previous key %s can't decrypt: %w", previous, refused)
		}
	}
	return nil
}

var errOtherKey = errors.New("KMS has answered for a key other than the one requested")

// describe returns what KMS says about a key, and where the key is.
func (k *KMS) describe(ctx context.Context, key Key) (*kmsapi.KeyMetadata, arn, error) {
	answer, err := client.Do(ctx, k.Client, &kmsapi.DescribeKeyRequest{KeyId: key.String()})
	if err != nil {
		return nil, arn{}, err
	}
	found, ok := parseARN(answer.KeyMetadata.Arn)
	if !ok || !key.is(found) {
		return nil, arn{}, errOtherKey
	}
	return &answer.KeyMetadata, found, nil
}

// where returns where the key is, which takes a call if that is not known yet.
func (k *KMS) where(ctx context.Context) (arn, error) {
	if k.Key.arn != (arn{}) {
		return k.Key.arn, nil
	}
	if found := k.described.Load(); found != nil {
		return *found, nil
	}
	_, found, err := k.describe(ctx, k.Key)
	if err == nil {
		k.described.Store(&found)
	}
	return found, err
}

// tryOut encrypts something that nobody will decrypt.
func (k *KMS) tryOut(ctx context.Context) (string, error) {
	made, err := k.Encrypt(ctx, []byte("which version is it?"))
	return made.KeyID, err
}

// Encrypt implements [Backend].
func (k *KMS) Encrypt(ctx context.Context, plaintext []byte) (Sealed, error) {
	where, err := k.where(ctx)
	if err != nil {
		return Sealed{}, err
	}
	made, err := client.Do(ctx, k.Client, &kmsapi.EncryptRequest{
		KeyId: k.Key.String(), EncryptionContext: contextOf(k.Cluster),
		Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(plaintext)),
	})
	if err != nil {
		return Sealed{}, err
	}
	blob, err := base64.StdEncoding.DecodeString(made.CiphertextBlob)
	if err != nil {
		return Sealed{}, errors.New("KMS has answered with a ciphertext that is not base64")
	}
	if made.KeyId != k.Key.ID || !keyID.MatchString(made.KeyVersionId) {
		return Sealed{}, errOtherKey
	}
	return Sealed{blob, keyVersion{where, made.KeyVersionId}.String()}, nil
}

var errMislabelled = &Refusal{
	codes.PermissionDenied, "the ciphertext is of another key, or another version, than its key id says",
}

// Decrypt implements [Backend].
func (k *KMS) Decrypt(ctx context.Context, s Sealed) ([]byte, error) {
	named, ok := parseKeyVersion(s.KeyID)
	if !ok || !k.lists(named.key) {
		return nil, &Refusal{codes.PermissionDenied, fmt.Sprintf(
			"the key id %.200q is not of a listed key; if the data is this cluster's, give its key with -previous-key", s.KeyID)}
	}
	opened, err := client.Do(ctx, k.Client, &kmsapi.DecryptRequest{
		CiphertextBlob: base64.StdEncoding.EncodeToString(s.Ciphertext), EncryptionContext: contextOf(k.Cluster),
	})
	if errors.Is(err, kmsapi.ErrInvalidParameter) {
		return nil, fmt.Errorf("%w; KMS gives this answer for a ciphertext that was altered, and for one of a cluster "+
			"other than %q", err, k.Cluster)
	}
	if err != nil {
		return nil, err
	}
	if opened.KeyId != named.key.id || opened.KeyVersionId != named.version {
		return nil, errMislabelled
	}
	plaintext, err := base64.StdEncoding.DecodeString(opened.Plaintext.Reveal())
	if err != nil {
		return nil, &Refusal{codes.InvalidArgument, "the ciphertext was not made by this program"}
	}
	return plaintext, nil
}

// lists reports whether a key may decrypt.
func (k *KMS) lists(key arn) bool {
	return k.Key.is(key) || slices.ContainsFunc(k.Previous, func(listed Key) bool { return listed.is(key) })
}
