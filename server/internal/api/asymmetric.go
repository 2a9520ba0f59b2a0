package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// findPair finds the version of an asymmetric CMK that a request names. algorithm must be empty or one that the CMK
// supports.
func (a *API) findPair(
	ctx context.Context, inv *Invocation, keyID, versionID, algorithm string,
) (found keyVersion, err error) {
	err = a.view(ctx, inv, func(r keyring.Reader) error {
		if found.cmk, err = a.served(byIDOrAlias(keyID)).forUse(r, inv); err != nil {
			return err
		}
		found.version, err = r.VersionOf(found.cmk, versionID)
		return err
	})
	if err != nil || algorithm == "" {
		return found, err
	}
	return found, a.checkAlgorithm("Algorithm", found.cmk, algorithm)
}

// checkAlgorithm refuses an algorithm, from the parameter called name, that an asymmetric CMK does not support.
func (a *API) checkAlgorithm(name string, cmk *keyring.CMK, algorithm string) error {
	if !slices.Contains(kmsapi.Algorithms(cmk.KeySpec, cmk.KeyUsage), algorithm) {
		return kmsapi.InvalidParameter(name, fmt.Sprintf("A key of KeySpec %s does not have it.", cmk.KeySpec))
	}
	return a.checkApproved(cmk.KeySpec, algorithm)
}

func (a *API) publicKey(inv *Invocation, p keyVersion) (*asymmetric.Public, error) {
	return a.keys.PublicKey(inv.scope(), p.cmk, p.version)
}

// decodeBytes decodes the base64 of the parameter called name, which may have line breaks.
func decodeBytes(name, text string) ([]byte, error) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, kmsapi.InvalidParameter(name, "It must be base64.")
	}
	return decoded, nil
}

func decodeDigest(text string) ([]byte, error) {
	digest, err := decodeBytes("Digest", text)
	if err == nil && len(digest) != kmsapi.DigestSize {
		err = kmsapi.InvalidParameter("Digest", fmt.Sprintf("It must be base64 of %d bytes.", kmsapi.DigestSize))
	}
	return digest, err
}

// getPublicKey returns the public key of a version.
func (a *API) getPublicKey(
	ctx context.Context, inv *Invocation, r *kmsapi.GetPublicKeyRequest,
) (*kmsapi.GetPublicKeyResponse, error) {
	found, err := a.findPair(ctx, inv, r.KeyId, r.KeyVersionId, "")
	if err != nil {
		return nil, err
	}
	if len(found.version.WrappedPublic) == 0 { // The key is pending deletion, and has no material.
		return nil, kmsapi.ErrRejectedPendingImport
	}
	der, err := a.keys.PublicDER(inv.scope(), found.cmk, found.version)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GetPublicKeyResponse{
		KeyId: found.cmk.KeyID, KeyVersionId: found.version.ID,
		PublicKey: asymmetric.PEM(der),
	}, nil
}

// asymmetricSign signs a digest.
func (a *API) asymmetricSign(
	ctx context.Context, inv *Invocation, r *kmsapi.AsymmetricSignRequest,
) (*kmsapi.AsymmetricSignResponse, error) {
	digest, err := decodeDigest(r.Digest)
	if err != nil {
		return nil, err
	}
	found, err := a.findPair(ctx, inv, r.KeyId, r.KeyVersionId, r.Algorithm)
	if err != nil {
		return nil, err
	}
	private, err := a.keys.PrivateKey(inv.scope(), found.cmk, found.version)
	if err != nil {
		return nil, err
	}
	defer private.Clear()
	signature, err := private.Sign(r.Algorithm, digest)
	if err != nil {
		return nil, err
	}
	return &kmsapi.AsymmetricSignResponse{
		KeyId: found.cmk.KeyID, KeyVersionId: found.version.ID, Value: base64.StdEncoding.EncodeToString(signature),
	}, nil
}

// asymmetricVerify answers whether a signature is valid. A malformed signature is not.
func (a *API) asymmetricVerify(
	ctx context.Context, inv *Invocation, r *kmsapi.AsymmetricVerifyRequest,
) (*kmsapi.AsymmetricVerifyResponse, error) {
	digest, err := decodeDigest(r.Digest)
	if err != nil {
		return nil, err
	}
	signature, err := decodeBytes("Value", r.Value)
	if err != nil {
		return nil, err
	}
	found, err := a.findPair(ctx, inv, r.KeyId, r.KeyVersionId, r.Algorithm)
	if err != nil {
		return nil, err
	}
	public, err := a.publicKey(inv, found)
	if err != nil {
		return nil, err
	}
	return &kmsapi.AsymmetricVerifyResponse{
		KeyId: found.cmk.KeyID, KeyVersionId: found.version.ID,
		Value: public.Verify(r.Algorithm, digest, signature),
	}, nil
}

// asymmetricEncrypt encrypts the bytes that Plaintext is the base64 of.
func (a *API) asymmetricEncrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.AsymmetricEncryptRequest,
) (*kmsapi.AsymmetricEncryptResponse, error) {
	plaintext, err := decodeBytes("Plaintext", r.Plaintext.Reveal())
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	found, err := a.findPair(ctx, inv, r.KeyId, r.KeyVersionId, r.Algorithm)
	if err != nil {
		return nil, err
	}
	public, err := a.publicKey(inv, found)
	if err != nil {
		return nil, err
	}
	if most := public.MaxPlaintext(r.Algorithm); len(plaintext) == 0 || len(plaintext) > most {
		return nil, kmsapi.InvalidParameter("Plaintext", fmt.Sprintf("It must be base64 of 1 to %d bytes.", most))
	}
	ciphertext, err := public.Encrypt(r.Algorithm, plaintext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.AsymmetricEncryptResponse{
		KeyId: found.cmk.KeyID, KeyVersionId: found.version.ID,
		CiphertextBlob: base64.StdEncoding.EncodeToString(ciphertext),
	}, nil
}

// errAsymmetricCiphertext is the only answer to a ciphertext that does not decrypt, whatever is wrong with it.
var errAsymmetricCiphertext = kmsapi.InvalidParameter("CiphertextBlob",
	"It is not a ciphertext for this key version and algorithm.")

// asymmetricDecrypt decrypts a ciphertext, and answers with the base64 of the plaintext.
func (a *API) asymmetricDecrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.AsymmetricDecryptRequest,
) (*kmsapi.AsymmetricDecryptResponse, error) {
	found, err := a.findPair(ctx, inv, r.KeyId, r.KeyVersionId, r.Algorithm)
	if err != nil {
		return nil, err
	}
	plaintext, err := a.decryptPair(inv, found, r.Algorithm, r.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return &kmsapi.AsymmetricDecryptResponse{
		KeyId: found.cmk.KeyID, KeyVersionId: found.version.ID,
		Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(plaintext)).ForWire(),
	}, nil
}

// decryptPair decrypts with a version of an asymmetric CMK. The caller clears the plaintext. A ciphertext that does not
// decrypt is refused after the same work, whatever the reason: even invalid base64 is decrypted, as an empty
// ciphertext.
func (a *API) decryptPair(inv *Invocation, from keyVersion, algorithm, text string) ([]byte, error) {
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		ciphertext = nil
	}
	private, err := a.keys.PrivateKey(inv.scope(), from.cmk, from.version)
	if err != nil {
		return nil, err
	}
	defer private.Clear()
	plaintext, ok := private.Decrypt(algorithm, ciphertext)
	if !ok {
		return nil, errAsymmetricCiphertext
	}
	return plaintext, nil
}
