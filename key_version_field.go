package alicloudkms

import (
	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// keyVersionField is transit's field for the version that encrypts.
func keyVersionField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeInt,
		Description: "The version that encrypts: 0 (default) or the newest, since KMS always encrypts with that. In envelope mode: any from min_encryption_version on.",
	}
}

// checkKeyVersion refuses a key_version that KMS would not encrypt with. It accepts a version that KMS has made since
// the entry was stored: KMS encrypts with it, and it counts as the newest row.
func (e *keyEntry) checkKeyVersion(asked int) error {
	switch newest := e.versions.Newest(); {
	case asked == 0 || asked == newest:
		return nil
	case asked > newest:
		return &unknownVersionError{asked, newest}
	case asked < 0:
		return refusal.BadRequest("key_version must not be negative")
	default:
		return refusal.BadRequest("key_version must be 0 or %d: KMS encrypts only with the newest version", newest)
	}
}

// oldestToOpen is the oldest version that decrypts and verifies.
func (e *keyEntry) oldestToOpen() int { return max(e.MinDecryption, e.versions.Oldest()) }

// oldestToMake is the oldest version that encrypts, signs and makes HMACs: it must be able to open what it makes.
func (e *keyEntry) oldestToMake() int { return max(e.MinEncryption, e.MinDecryption, e.versions.First) }

// errTooOldToMake refuses a key_version before [keyEntry.oldestToMake].
func (e *keyEntry) errTooOldToMake() error {
	return refusal.BadRequest("key_version must be 0, or %d to %d: see min_encryption_version, min_decryption_version and min_available_version of the key",
		e.oldestToMake(), e.versions.Newest())
}

// chooseDataKey returns the data key that encrypts or makes an HMAC: the one of the version that the caller asks for,
// or of the newest if asked is 0.
func (e *keyEntry) chooseDataKey(asked int) (*dataKey, error) {
	newest := e.versions.Newest()
	if asked == 0 {
		asked = newest
	}
	switch chosen := e.dataKeys[asked]; {
	case asked > newest:
		return nil, &unknownVersionError{asked, newest}
	case asked < e.oldestToMake():
		return nil, e.errTooOldToMake()
	case chosen == nil:
		return nil, refusal.BadRequest(
			"key_version %d is a version of the KMS key: envelope mode and HMACs use only data keys", asked)
	default:
		return chosen, nil
	}
}

// tooOld is the refusal of what was made with a version that the key no longer opens.
func tooOld(n int, k target) error {
	return refusal.BadRequest("the ciphertext was made with version %d of key %q, and the key opens version %d and later: see min_decryption_version and min_available_version of keys/%[2]s",
		n, k.name, k.entry.oldestToOpen())
}
