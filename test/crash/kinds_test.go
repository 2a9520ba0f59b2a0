package crash

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// kind is what a CMK is made with. file is the private key of testdata that is imported into it, and empty if the
// service makes the material: the only RSA keys are imported, since making one takes as long as a round.
type kind struct{ spec, usage, algorithm, file string }

// kinds are the kinds of CMKs.
var kinds = []kind{
	aes,
	{kmsapi.KeySpecSM4, kmsapi.KeyUsageEncryptDecrypt, "", ""},
	{kmsapi.KeySpecP256, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, ""},
	{kmsapi.KeySpecP256K, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, ""},
	{kmsapi.KeySpecSM2, kmsapi.KeyUsageSignVerify, kmsapi.SignSM2, ""},
	{kmsapi.KeySpecSM2, kmsapi.KeyUsageEncryptDecrypt, kmsapi.EncryptSM2, ""},
	{kmsapi.KeySpecP256, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, "prime256v1"},
	{kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify, kmsapi.SignPSS, "rsa_2048"},
	{kmsapi.KeySpecRSA2048, kmsapi.KeyUsageEncryptDecrypt, kmsapi.EncryptOAEPSHA256, "rsa_2048"},
}

var aes = kind{kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt, "", ""}

// kind picks the kind of a new CMK: in most cases AES, and rarely one whose import waits for a wrapping key.
func (w *writer) kind() kind {
	switch picked := kinds[w.random.IntN(len(kinds))]; {
	case picked.isImported() && w.random.IntN(4) > 0, w.random.IntN(2) == 0:
		return aes
	default:
		return picked
	}
}

func (k kind) isSymmetric() bool { return kmsapi.MaterialSize(k.spec) > 0 }

func (k kind) isImported() bool { return k.file != "" }

func (k kind) signs() bool { return k.usage == kmsapi.KeyUsageSignVerify }

func (k kind) origin() kmsapi.Origin {
	if k.isImported() {
		return kmsapi.OriginExternal
	}
	return kmsapi.OriginKMS
}

// firstState is the state of a new CMK.
func (k kind) firstState() kmsapi.KeyState {
	if k.isImported() {
		return kmsapi.PendingImport
	}
	return kmsapi.Enabled
}

// kindOf is the kind of a CMK that was described.
func kindOf(described kmsapi.KeyMetadata) kind {
	for _, k := range kinds {
		if k.spec == described.KeySpec && k.usage == described.KeyUsage && k.origin() == described.Origin {
			return k
		}
	}
	return kind{}
}

// signedBy is a signature that the service has made with a version of a CMK.
type signedBy struct{ keyID, version, value string }

// signed is the digest that all signatures are of.
var signed = func() string {
	digest := sha256.Sum256([]byte("signed before the kill"))
	return base64.StdEncoding.EncodeToString(digest[:])
}()

// version picks one of the versions of an asymmetric CMK.
func (w *writer) version(ctx context.Context, id string) (string, error) {
	got, err := w.client.ListKeyVersions(ctx, &kmsapi.ListKeyVersionsRequest{KeyId: id, PageSize: pageSize})
	if err != nil {
		return "", err
	}
	all := got.KeyVersions.KeyVersion
	return all[w.random.IntN(len(all))].KeyVersionId, nil
}

// usePair signs, or encrypts, with a version of an asymmetric CMK.
func (w *writer) usePair(ctx context.Context, id string, k kind) error {
	version, err := w.version(ctx, id)
	if err != nil {
		return err
	}
	if k.signs() {
		got, err := w.client.AsymmetricSign(ctx, &kmsapi.AsymmetricSignRequest{
			KeyId: id, KeyVersionId: version, Algorithm: k.algorithm, Digest: signed,
		})
		if err == nil {
			w.signatures = append(w.signatures, signedBy{id, version, got.Value})
		}
		return err
	}
	plaintext := w.plaintext()
	got, err := w.client.AsymmetricEncrypt(ctx, &kmsapi.AsymmetricEncryptRequest{
		KeyId: id, KeyVersionId: version, Algorithm: k.algorithm, Plaintext: plaintext,
	})
	if err == nil {
		w.sealed = append(w.sealed, ciphertext{
			keyID: id, version: version, blob: got.CiphertextBlob, plaintext: plaintext,
		})
	}
	return err
}

// reEncrypt moves a ciphertext of an enabled CMK, of any kind, to a symmetric one.
func (w *writer) reEncrypt(ctx context.Context, id string) error {
	if len(w.sealed) == 0 {
		return w.encrypt(ctx, id)
	}
	from := w.sealed[w.random.IntN(len(w.sealed))]
	k := w.ledger.keys[from.keyID]
	if k.state != kmsapi.Enabled {
		return w.encrypt(ctx, id)
	}
	r := &kmsapi.ReEncryptRequest{
		CiphertextBlob: from.blob, SourceEncryptionContext: from.context, DestinationKeyId: id,
	}
	if !k.isSymmetric() {
		r.SourceKeyId, r.SourceKeyVersionId, r.SourceEncryptionAlgorithm = from.keyID, from.version, k.algorithm
	}
	got, err := w.client.ReEncrypt(ctx, r)
	if err == nil {
		w.sealed = append(w.sealed, ciphertext{keyID: id, blob: got.CiphertextBlob, plaintext: from.plaintext})
	}
	return err
}

// importMaterial gives a CMK its key pair, for the first time or again.
func (w *writer) importMaterial(ctx context.Context, id string, k kind) error {
	parameters, err := w.client.GetParametersForImport(ctx, &kmsapi.GetParametersForImportRequest{
		KeyId: id, WrappingAlgorithm: kmsapi.WrapKeyPair, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
	})
	if err != nil {
		return err
	}
	wrapped, err := wrap(parameters.PublicKey, k.file)
	if err != nil {
		return fmt.Errorf("%w: %w", kmsapi.ErrInternalFailure, err) // No kill is to blame.
	}
	return w.change(setState(id, kmsapi.Enabled),
		discard(w.client.ImportKeyMaterial(ctx, &kmsapi.ImportKeyMaterialRequest{
			KeyId: id, ImportToken: parameters.ImportToken, EncryptedKeyMaterial: wrapped,
		})))
}

func (w *writer) deleteMaterial(ctx context.Context, id string) error {
	return w.change(setState(id, kmsapi.PendingImport),
		discard(w.client.DeleteKeyMaterial(ctx, &kmsapi.DeleteKeyMaterialRequest{KeyId: id})))
}

// wrap encrypts a private key of testdata for its import.
func wrap(publicKey, file string) (string, error) {
	der, err := base64.StdEncoding.DecodeString(publicKey)
	if err != nil {
		return "", err
	}
	key, err := client.ParseImportKey(der)
	if err != nil {
		return "", err
	}
	pkcs8, err := os.ReadFile(filepath.Join("../../server/internal/asymmetric/testdata", file+".pkcs8.der"))
	if err != nil {
		return "", err
	}
	return client.WrapKeyMaterial(kmsapi.WrapKeyPair, key, pkcs8)
}
