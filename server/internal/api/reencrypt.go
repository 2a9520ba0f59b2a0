package api

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// The places of the two CMKs of ReEncrypt in [kmsapi.Operation.KeyParameters].
const (
	reEncryptFrom = iota
	reEncryptTo
)

// reEncrypt encrypts what is in a ciphertext again. The permission on both CMKs, and the states of both, are checked
// before anything is decrypted. The answer names the CMK that has decrypted.
func (a *API) reEncrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.ReEncryptRequest,
) (*kmsapi.ReEncryptResponse, error) {
	if r.SourceKeyId != "" || r.SourceKeyVersionId != "" || r.SourceEncryptionAlgorithm != "" {
		return nil, errAsymmetricSource
	}
	blob, versionID, err := parseBlob(r.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	from, to, err := a.findBoth(ctx, inv, versionID, r.DestinationKeyId)
	if err != nil {
		return nil, err
	}
	plaintext, err := a.openWith(inv, from, blob, r.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	sealed, err := a.sealWith(inv, to, plaintext, r.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.ReEncryptResponse{
		KeyId: from.cmk.KeyID, KeyVersionId: from.version.ID, CiphertextBlob: sealed.blob,
	}, nil
}

var errAsymmetricSource = kmsapi.ErrUnsupportedOperation.WithMessage(kmsapi.ErrUnsupportedOperation.Message +
	" This service re-encrypts no ciphertexts of asymmetric keys: leave out SourceKeyId, SourceKeyVersionId and" +
	" SourceEncryptionAlgorithm.")

// findBoth finds the version that a ciphertext names and the CMK that is to encrypt, in one transaction, and notes both
// for the audit line.
func (a *API) findBoth(
	ctx context.Context, inv *Invocation, versionID, destination string,
) (from keyVersion, to *keyring.CMK, err error) {
	source, target := inv.about(reEncryptFrom, ""), inv.about(reEncryptTo, destination)
	defer func() {
		inv.KeyID, inv.InstanceID, inv.DestinationKeyID = source.KeyID, source.InstanceID, target.KeyID
	}()
	err = a.view(ctx, inv, func(r keyring.Reader) error {
		if from.cmk, err = a.served(byVersion(versionID))(r, source); err != nil {
			return err
		}
		if to, err = a.served(byIDOrAlias(destination))(r, target); err != nil {
			return err
		}
		for _, cmk := range []*keyring.CMK{from.cmk, to} {
			if err := cmk.Allows(inv.Operation, inv.Now); err != nil {
				return err
			}
		}
		from.version, err = r.Version(from.cmk, versionID)
		return err
	})
	return from, to, err
}
