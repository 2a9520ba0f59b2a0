package alicloudkms

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// mustSign refuses a key that does not sign.
func (e *keyEntry) mustSign() error {
	switch {
	case kmsapi.SigningKey.Has(e.KeySpec, e.KeyUsage):
		return nil
	case e.isAsymmetric():
		return refusal.BadRequest("the key encrypts and decrypts, and a key of KMS does only one of the two; to sign, make a key with key_usage=%s",
			kmsapi.KeyUsageSignVerify)
	default:
		return refusal.BadRequest("the key is of the type %s, which can't sign; to sign, make a key with type=ecdsa-p256, or an RSA type",
			typeOfSpec(e.KeySpec))
	}
}

// mustDecrypt refuses a key pair that does not encrypt and decrypt.
func (e *keyEntry) mustDecrypt() error {
	if kmsapi.DecryptingKey.Has(e.KeySpec, e.KeyUsage) {
		return nil
	}
	return refusal.BadRequest("the key signs and verifies, and a key of KMS does only one of the two; to encrypt, make a key of another type, or an RSA or SM2 key with key_usage=%s",
		kmsapi.KeyUsageEncryptDecrypt)
}

// mustBeSymmetric refuses a key pair. what names the operation that was requested.
func (e *keyEntry) mustBeSymmetric(what string) error {
	if !e.isAsymmetric() {
		return nil
	}
	return refusal.BadRequest("the key is of the type %s, and %s needs a symmetric key, such as one of the type aes256-gcm96",
		typeOfSpec(e.KeySpec), what)
}

func errBindsNothing(field string) error {
	return refusal.BadRequest("the field %q can't be used: KMS binds nothing to what a key pair signs or encrypts", field)
}

// bindingFields are the fields of an item that bind a ciphertext to its purpose.
var bindingFields = []string{"context", "associated_data", "encryption_context"}

// checkUnbound refuses an item that asks a key pair to bind a ciphertext to anything: KMS can't do that.
func checkUnbound(d *framework.FieldData) error {
	for _, name := range bindingFields {
		s, _ := d.Raw[name].(string)
		m, _ := d.Raw[name].(map[string]string)
		if s != "" || len(m) > 0 {
			return errBindsNothing(name)
		}
	}
	return nil
}

// paddingOAEP is the only padding_scheme of transit that KMS supports.
const paddingOAEP = "oaep"

// decryptingAlgorithm is the algorithm for AsymmetricEncrypt and AsymmetricDecrypt. For RSA keys it is RSAES-OAEP with
// SHA-256, which is transit's oaep, so clients can also encrypt with it themselves.
func (e *keyEntry) decryptingAlgorithm() string {
	return kmsapi.Algorithms(e.KeySpec, kmsapi.KeyUsageEncryptDecrypt)[0]
}

// isPadded reports whether a padding_scheme means anything to the key.
func (e *keyEntry) isPadded() bool {
	return slices.Contains(kmsapi.Algorithms(e.KeySpec, kmsapi.KeyUsageEncryptDecrypt), kmsapi.EncryptOAEPSHA256)
}

// paddingField is transit's padding_scheme, which only RSA keys have.
func paddingField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "For an RSA key: oaep, the default and only value. Other keys ignore it.",
	}
}

// warnOfPadding warns of a padding that means nothing to the key.
func (e *keyEntry) warnOfPadding(answer itemAnswer, d *framework.FieldData) itemAnswer {
	if _, given := d.Raw["padding_scheme"]; given && !e.isPadded() {
		answer.warn("Ignored, because it does not apply to a key of the type " + typeOfSpec(e.KeySpec) + ": padding_scheme")
	}
	return answer
}

// beginPair checks what an item asks of a key pair.
func (e *keyEntry) beginPair(d *framework.FieldData) error {
	if err := e.mustDecrypt(); err != nil {
		return err
	}
	if padding := fields.String(d, "padding_scheme"); e.isPadded() && padding != "" && padding != paddingOAEP {
		return refusal.BadRequest("padding_scheme must be %s: KMS has no other that is safe", paddingOAEP)
	}
	return checkUnbound(d)
}

// encryptWithPair encrypts with the public key of a version.
func encryptWithPair(ctx context.Context, c *connection, k target, d *framework.FieldData) (itemAnswer, error) {
	if err := k.entry.beginPair(d); err != nil {
		return itemAnswer{}, err
	}
	data, err := fields.Base64("plaintext", fields.String(d, "plaintext"))
	if err != nil {
		return itemAnswer{}, err
	}
	_, row, err := k.entry.chooseVersion(fields.Int(d, "key_version"))
	if err != nil {
		return itemAnswer{}, err
	}
	if err := k.entry.checkFits(row, len(data)); err != nil {
		return itemAnswer{}, err
	}
	blob, err := k.entry.encryptPair(ctx, c, row, kmsapi.NewSecret(base64.StdEncoding.EncodeToString(data)))
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.warnOfPadding(k.entry.ciphertext(row.CMK, row.KeyVersionID, blob), d), nil
}

// checkFits refuses a plaintext of a size that KMS can't encrypt with the public key of a version.
func (e *keyEntry) checkFits(row *versions.Row, size int) error {
	most := kmsapi.MaxSM2Plaintext
	if e.isPadded() {
		public, err := publickey.Parse(row.PublicKey)
		if err != nil { // KMS checks it.
			return nil
		}
		most = public.MaxPlaintext()
	}
	if size == 0 || size > most {
		return refusal.BadRequest("plaintext has %d bytes, and this key encrypts 1 to %d; for more, use a key of the type aes256-gcm96",
			size, most)
	}
	return nil
}

// rewrapWithPair decrypts with one version and encrypts with another. KMS can't do both in one call: ReEncrypt is for
// symmetric keys only.
func (e *keyEntry) rewrapWithPair(
	ctx context.Context, c *connection, d *framework.FieldData,
) (itemAnswer, error) {
	_, row, err := e.chooseVersion(fields.Int(d, "key_version"))
	if err != nil {
		return itemAnswer{}, err
	}
	plaintext, err := e.openWithPair(ctx, c, d)
	if err != nil {
		return itemAnswer{}, err
	}
	blob, err := e.encryptPair(ctx, c, row, plaintext)
	if err != nil {
		return itemAnswer{}, err
	}
	return e.ciphertext(row.CMK, row.KeyVersionID, blob), nil
}

// encryptPair encrypts base64 with the public key of a version.
func (e *keyEntry) encryptPair(
	ctx context.Context, c *connection, row *versions.Row, plaintext kmsapi.Secret,
) (blob string, err error) {
	cmk := e.cmkCalled(row.CMK)
	answer, err := call(ctx, c.of(cmk.Instance), &kmsapi.AsymmetricEncryptRequest{
		KeyId: cmk.cmk(), KeyVersionId: row.KeyVersionID, Algorithm: e.decryptingAlgorithm(), Plaintext: plaintext,
	})
	if err != nil {
		return "", err
	}
	if answer.KeyId != row.CMK || answer.KeyVersionId != row.KeyVersionID {
		return "", &callError{op: kmsapi.OpAsymmetricEncrypt, err: errOtherVersion}
	}
	return answer.CiphertextBlob, nil
}

// decryptWithPair decrypts with the private key of a version.
func (e *keyEntry) decryptWithPair(
	ctx context.Context, c *connection, d *framework.FieldData,
) (itemAnswer, error) {
	plaintext, err := e.openWithPair(ctx, c, d)
	if err != nil {
		return itemAnswer{}, err
	}
	return e.warnOfPadding(plaintextAnswer(plaintext), d), nil
}

// openWithPair decrypts with the private key of the version that the ciphertext names: nothing else identifies the
// version, and only the right one opens it. The plaintext is base64.
func (e *keyEntry) openWithPair(
	ctx context.Context, c *connection, d *framework.FieldData,
) (kmsapi.Secret, error) {
	var none kmsapi.Secret
	if err := e.beginPair(d); err != nil {
		return none, err
	}
	row, blob, err := e.rowOf("ciphertext", fields.String(d, "ciphertext"))
	if err != nil {
		return none, err
	}
	if blob, err = e.pairBlob(blob); err != nil {
		return none, err
	}
	cmk := e.cmkCalled(row.CMK)
	answer, err := call(ctx, c.of(cmk.Instance), &kmsapi.AsymmetricDecryptRequest{
		KeyId: cmk.cmk(), KeyVersionId: row.KeyVersionID, Algorithm: e.decryptingAlgorithm(),
		CiphertextBlob: blob,
	})
	if err != nil {
		return none, err
	}
	if answer.KeyId != row.CMK || answer.KeyVersionId != row.KeyVersionID {
		return none, &callError{op: kmsapi.OpAsymmetricDecrypt, err: errOtherVersion}
	}
	return answer.Plaintext, nil
}

// pairBlob returns a ciphertext as AsymmetricDecrypt takes it. Programs that encrypt with an SM2 public key produce one
// of two ciphertext formats, and KMS takes only one of them.
func (e *keyEntry) pairBlob(ciphertext string) (string, error) {
	blob, err := blobOf(ciphertext)
	if err != nil || e.decryptingAlgorithm() != kmsapi.EncryptSM2 {
		return blob, err
	}
	given, err := base64.StdEncoding.DecodeString(blob)
	if err != nil { // KMS refuses it.
		return blob, nil
	}
	return base64.StdEncoding.EncodeToString(sm2.RawCiphertext(given)), nil
}
