package alicloudkms

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// versionSettings are the fields of a key's config that are about its versions.
var versionSettings = fields.Schemas{
	"min_decryption_version": {
		Type:        framework.TypeInt,
		Description: "The oldest version that decrypts and verifies. 0 or 1: all do.",
	},
	"min_encryption_version": {
		Type:        framework.TypeInt,
		Description: "The oldest version that key_version may ask for. 0 (default): the newest encrypts, whichever it is. For a symmetric key in direct mode, only its number and 0 are accepted, because KMS encrypts only with the newest.",
	},
	"min_encryption_versoin": {
		Type:        framework.TypeInt,
		Description: "The same, as Terraform's provider spells it.",
	},
	"auto_rotate_period": {
		Type:        framework.TypeDurationSecond,
		Description: "How often KMS rotates the KMS key: 7 to 730 days, such as 720h. 0: never. In envelope mode: how often the engine makes a new data key, 24h or more; 720h by default.",
	},
}

// oldestToEncrypt returns min_encryption_version, which has two names.
func oldestToEncrypt(d *framework.FieldData) (value any, ok bool, err error) {
	value, ok = d.GetOk("min_encryption_version")
	misspelt, also := d.GetOk("min_encryption_versoin")
	switch {
	case ok && also && value != misspelt:
		return nil, false, refusal.BadRequest(
			"min_encryption_version and min_encryption_versoin are the same; give one of them")
	case also:
		return misspelt, true, nil
	default:
		return value, ok, nil
	}
}

// configureVersions sets the version settings of a write of config in the entry. It lists KMS's versions if they
// matter, or if the entry is of format 0. A failure to list them is an error only if they matter.
func (b *backend) configureVersions(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) error {
	decryption, isDecryption := d.GetOk("min_decryption_version")
	encryption, isEncryption, err := oldestToEncrypt(d)
	if err != nil {
		return err
	}
	if !isDecryption && !isEncryption {
		b.upgradeKey(ctx, req, k)
		return nil
	}
	listed, err := b.listForKey(ctx, req, k)
	if err != nil {
		return err
	}
	before := *k.entry
	if isDecryption {
		k.entry.MinDecryption = max(decryption.(int), 0)
	}
	if isEncryption {
		k.entry.MinEncryption = encryption.(int)
	}
	if isDecryption && decryption.(int) < 0 || isEncryption && encryption.(int) < 0 {
		return refusal.BadRequest("min_decryption_version and min_encryption_version must not be negative")
	}
	return k.entry.checkMinimums(&before, listed)
}

// listForKey is learnVersions for a handler without a connection.
func (b *backend) listForKey(ctx context.Context, req *logical.Request, k target) (listed bool, err error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return false, err
	}
	return b.learnVersions(ctx, conn, k)
}

// upgradeKey adds the versions that an entry of format 0 lacks, and the public keys that a key pair lacks. A failure is
// only logged: the caller has not asked for this.
func (b *backend) upgradeKey(ctx context.Context, req *logical.Request, k target) {
	if k.entry.format != 0 && !k.entry.lacksPublicKey() {
		return
	}
	if _, err := b.listForKey(ctx, req, k); err != nil {
		b.Logger().Info("the versions of a key were not listed yet", "key", k.name, "error", err)
	}
}

// checkMinimums checks the oldest versions that decrypt and encrypt. before is what they were. Without a list of KMS's
// versions, the engine can't know which of them made a ciphertext.
func (e *keyEntry) checkMinimums(before *keyEntry, listed bool) error {
	newest := e.versions.Newest()
	isDirect := !e.isAsymmetric() && !e.isEnvelope()
	changesEncryption := e.MinEncryption != before.MinEncryption && e.MinEncryption != 0
	changesDecryption := e.MinDecryption != before.MinDecryption && e.MinDecryption > 1
	switch {
	case e.MinDecryption > newest || e.MinEncryption > newest:
		return refusal.BadRequest("min_decryption_version and min_encryption_version must be at most %d, which is the newest version", newest)
	case e.MinDecryption > 0 && e.MinDecryption < e.versions.Oldest() && e.versions.Oldest() > 1:
		return refusal.BadRequest("min_decryption_version must be at least %d: the versions before it were trimmed",
			e.versions.Oldest())
	case e.MinEncryption > 0 && e.MinEncryption < e.MinDecryption:
		return refusal.BadRequest("min_encryption_version must be 0, or at least min_decryption_version: %d",
			e.MinDecryption)
	case isDirect && changesEncryption && e.MinEncryption != newest:
		return refusal.BadRequest("min_encryption_version must be 0 or %d: KMS encrypts only with the newest version", newest)
	case isDirect && changesDecryption && !listed:
		return refusal.BadRequest("min_decryption_version can't be more than 1, because KMS does not list the versions of the KMS key to the engine; allow it in RAM: kms:ListKeyVersions")
	default:
		return nil
	}
}

// checkRotationPeriod refuses a period that KMS never takes.
func checkRotationPeriod(period time.Duration) error {
	if period != 0 && (period < kmsapi.MinRotationInterval || period > kmsapi.MaxRotationInterval) {
		return refusal.BadRequest("auto_rotate_period must be 0, or 7 to 730 days, such as 720h for 30 days: KMS accepts no other")
	}
	return nil
}

// rotationPeriod returns the auto_rotate_period of a request, which must be one that keys of this mode can have.
func rotationPeriod(d *framework.FieldData, mode string) (period time.Duration, given bool, err error) {
	seconds, given := d.GetOk("auto_rotate_period")
	if !given {
		return 0, false, nil
	}
	period = time.Duration(seconds.(int)) * time.Second
	if mode == encryptionEnvelope {
		return period, true, checkAutoRotate(period)
	}
	return period, true, checkRotationPeriod(period)
}

// configureRotation sets the rotation policy that config asks for on the current CMK. For a key in envelope mode, it is
// set in the entry, since the engine rotates that key.
func (b *backend) configureRotation(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) error {
	period, given, err := rotationPeriod(d, k.entry.mode())
	switch {
	case err != nil || !given:
		return err
	case k.entry.isEnvelope():
		k.entry.AutoRotate = period
		return nil
	case k.entry.isAsymmetric() && period != 0:
		return errNoRotation
	case k.entry.isAsymmetric():
		return nil
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	_, err = call(ctx, conn, rotationPolicy(k.entry.cmk(), period))
	if period == 0 && isUnsupported(err) {
		return nil // The CMK is not rotated.
	}
	if err != nil {
		return withKey(err, k.name)
	}
	return b.forgetIntervals(ctx, req.Storage, k.name)
}

var errNoRotation = refusal.BadRequest("auto_rotate_period must be 0: KMS rotates neither key pairs nor imported material. Rotate the key yourself, with keys/NAME/rotate or import_version")

// setRotation adds a rotation policy to the request for a new CMK.
func setRotation(wanted *kmsapi.CreateKeyRequest, period time.Duration) error {
	if period > 0 {
		wanted.EnableAutomaticRotation, wanted.RotationInterval = true, kmsapi.FormatRotationInterval(period)
	}
	return checkRotationPeriod(period)
}

func rotationPolicy(cmk string, period time.Duration) *kmsapi.UpdateRotationPolicyRequest {
	policy := &kmsapi.UpdateRotationPolicyRequest{KeyId: cmk, EnableAutomaticRotation: period > 0}
	if period > 0 {
		policy.RotationInterval = kmsapi.FormatRotationInterval(period)
	}
	return policy
}

// isUnsupported reports whether KMS does not have the operation, at all or for this CMK.
func isUnsupported(err error) bool {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && refused.Kind() == kmsapi.KindUnsupported
}
