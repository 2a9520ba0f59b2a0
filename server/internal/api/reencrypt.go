package api

import (
	"context"
	"encoding/base64"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// The places of the two CMKs of ReEncrypt in [kmsapi.Operation.KeyParameters].
const (
	reEncryptFrom = iota
	reEncryptTo
)

// reEncrypt decrypts a ciphertext and encrypts its plaintext with another CMK. The permissions on both CMKs, and the
// states of both, are checked before anything is decrypted. The answer names the CMK that has decrypted.
func (a *API) reEncrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.ReEncryptRequest,
) (*kmsapi.ReEncryptResponse, error) {
	from, err := a.sourceOf(r)
	if err != nil {
		return nil, err
	}
	decrypts, encrypts, err := a.findBoth(ctx, inv, from, r)
	if err != nil {
		return nil, err
	}
	plaintext, err := from.open(inv, decrypts)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	sealed, err := a.sealWith(inv, encrypts, plaintext, r.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.ReEncryptResponse{
		KeyId: decrypts.cmk.KeyID, KeyVersionId: decrypts.version.ID, CiphertextBlob: sealed.blob,
	}, nil
}

// A source is how ReEncrypt decrypts a ciphertext.
type source struct {
	find finder
	// check refuses a CMK that can't decrypt the ciphertext in any state.
	check func(*keyring.CMK) error
	// version reads the version of the CMK that the request names.
	version func(keyring.Reader, *keyring.CMK) (keyring.Version, error)
	// open returns the plaintext to encrypt, which the caller clears.
	open func(*Invocation, keyVersion) ([]byte, error)
}

// sourceOf returns the source of a request: an asymmetric CMK if a source parameter is set, and otherwise the CMK that
// the ciphertext names.
func (a *API) sourceOf(r *kmsapi.ReEncryptRequest) (source, error) {
	if r.SourceKeyId != "" || r.SourceKeyVersionId != "" || r.SourceEncryptionAlgorithm != "" {
		return a.pairSource(r)
	}
	blob, versionID, err := parseBlob(r.CiphertextBlob)
	if err != nil {
		return source{}, err
	}
	return source{
		find:  byVersion(versionID),
		check: func(cmk *keyring.CMK) error { return mustBe(kmsapi.SymmetricKey, cmk) },
		version: func(reader keyring.Reader, cmk *keyring.CMK) (keyring.Version, error) {
			return reader.Version(cmk, versionID)
		},
		open: func(inv *Invocation, from keyVersion) ([]byte, error) {
			return a.openWith(inv, from, blob, r.SourceEncryptionContext)
		},
	}, nil
}

// pairSource returns the source for a ciphertext of an asymmetric CMK. Its plaintext is bytes, while symmetric CMKs
// encrypt strings: so the base64 of the bytes is encrypted, and Decrypt returns what AsymmetricDecrypt would have.
func (a *API) pairSource(r *kmsapi.ReEncryptRequest) (source, error) {
	switch {
	case r.SourceKeyId == "":
		return source{}, kmsapi.MissingParameter("SourceKeyId")
	case r.SourceKeyVersionId == "":
		return source{}, kmsapi.MissingParameter("SourceKeyVersionId")
	case r.SourceEncryptionAlgorithm == "":
		return source{}, kmsapi.MissingParameter("SourceEncryptionAlgorithm")
	case len(r.SourceEncryptionContext) > 0:
		return source{}, kmsapi.InvalidParameter("SourceEncryptionContext", "Ciphertexts of asymmetric keys have none.")
	}
	return source{
		find: byIDOrAlias(r.SourceKeyId),
		check: func(cmk *keyring.CMK) error {
			if err := mustBe(kmsapi.DecryptingKey, cmk); err != nil {
				return err
			}
			return a.checkAlgorithm("SourceEncryptionAlgorithm", cmk, r.SourceEncryptionAlgorithm)
		},
		version: func(reader keyring.Reader, cmk *keyring.CMK) (keyring.Version, error) {
			return reader.VersionOf(cmk, r.SourceKeyVersionId)
		},
		open: func(inv *Invocation, from keyVersion) ([]byte, error) {
			plaintext, err := a.decryptPair(inv, from, r.SourceEncryptionAlgorithm, r.CiphertextBlob)
			if err != nil {
				return nil, err
			}
			defer clear(plaintext)
			return base64.StdEncoding.AppendEncode(nil, plaintext), nil
		},
	}, nil
}

// findBoth finds the version that decrypts and the CMK that encrypts, in one transaction, and records both CMKs for the
// audit line.
func (a *API) findBoth(
	ctx context.Context, inv *Invocation, from source, r *kmsapi.ReEncryptRequest,
) (decrypts keyVersion, encrypts *keyring.CMK, err error) {
	source, destination := inv.about(reEncryptFrom, r.SourceKeyId), inv.about(reEncryptTo, r.DestinationKeyId)
	defer func() {
		inv.KeyID, inv.InstanceID = source.KeyID, source.InstanceID
		inv.DestinationKeyID, inv.DestinationInstanceID = destination.KeyID, destination.InstanceID
	}()
	err = a.view(ctx, inv, func(reader keyring.Reader) error {
		if decrypts.cmk, err = a.served(from.find)(reader, source); err != nil {
			return err
		}
		if encrypts, err = a.served(byIDOrAlias(r.DestinationKeyId))(reader, destination); err != nil {
			return err
		}
		for _, cmk := range []*keyring.CMK{decrypts.cmk, encrypts} {
			if err := cmk.Allows(inv.Operation, inv.Now); err != nil {
				return err
			}
		}
		if err := from.check(decrypts.cmk); err != nil {
			return err
		}
		if err := inv.checkKind(encrypts); err != nil {
			return err
		}
		decrypts.version, err = from.version(reader, decrypts.cmk)
		return err
	})
	return decrypts, encrypts, err
}
