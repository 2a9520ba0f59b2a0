package alicloudkms

import (
	"slices"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// The versions of key pairs: unlike Encrypt and Decrypt, the operations that use a key pair name the version, and no
// answer of KMS says which one made a signature or a ciphertext.

// chooseVersion returns the version that signs or encrypts: the one that the caller asks for, or the newest if asked is
// 0.
func (e *keyEntry) chooseVersion(asked int) (n int, row *versions.Row, err error) {
	newest := e.versions.Newest()
	switch {
	case asked == 0:
		asked = newest
	case asked < 0:
		return 0, nil, refusal.BadRequest("key_version must not be negative")
	case asked > newest:
		return 0, nil, &unknownVersionError{asked, newest}
	case asked < e.oldestToMake():
		return 0, nil, e.errTooOldToMake()
	}
	row = e.versions.Row(asked)
	return asked, row, known(row)
}

// rowOf returns the row of the version that a signature or a ciphertext names, and the rest without the prefix. field
// is where given comes from. Only trying it shows whether that version really made it.
func (e *keyEntry) rowOf(field, given string) (row *versions.Row, made string, err error) {
	n, made, err := e.versionOf(field, given)
	if err != nil {
		return nil, "", err
	}
	row = e.versions.Row(n)
	return row, made, known(row)
}

// versionOf returns the number of the version that given names, and the rest without the prefix.
func (e *keyEntry) versionOf(field, given string) (n int, made string, err error) {
	n, made, err = versions.Split(given)
	switch newest := e.versions.Newest(); {
	case err != nil:
		return 0, "", refusal.BadRequest("%s is malformed: %s", field, err)
	case made == "":
		return 0, "", refusal.BadRequest("%s is required", field)
	case n == 0:
		return 0, "", refusal.BadRequest("%s must begin with vault:v, the number of a version and a colon: nothing else says which version it is%s",
			field, fields.FileHint(field, given))
	case n > newest:
		return 0, "", &unknownVersionError{n, newest}
	case n < e.oldestToOpen():
		return 0, "", refusal.BadRequest("%s is of version %d, and the key takes those of version %d and later: see its min_decryption_version and min_available_version",
			field, n, e.oldestToOpen())
	default:
		return n, made, nil
	}
}

// warnOfUnknownVersion warns of a key pair that can't be used yet, because KMS has not shown its version.
func (e *keyEntry) warnOfUnknownVersion(resp *logical.Response) {
	if e.lacksPublicKey() {
		resp.AddWarning("The public key is not known yet, as long as the key waits for key material, or KMS does not show its versions: RAM must allow kms:ListKeyVersions and kms:GetPublicKey. To have it read again, write to the key's config")
	}
}

// lacksPublicKey reports whether KMS has not shown the public key of every version yet.
func (e *keyEntry) lacksPublicKey() bool {
	isMissing := func(row versions.Row) bool { return row.PublicKey == "" }
	return e.isAsymmetric() && slices.ContainsFunc(e.versions.Rows, isMissing)
}

// known refuses a version whose id is not known, since KMS can't be asked to use it.
func known(row *versions.Row) error {
	if row.KeyVersionID != "" {
		return nil
	}
	return errVersionsUnknown
}

var errVersionsUnknown = refusal.Conflict(
	"the versions of the KMS key are not known yet; to have them read again, write to the key's config. RAM must allow kms:ListKeyVersions and kms:GetPublicKey")

// cmkCalled returns the key's CMK with that id.
func (e *keyEntry) cmkCalled(id string) *storedCMK {
	for i := range e.earlier {
		if e.earlier[i].KeyID == id && id != e.KeyID {
			return &e.earlier[i]
		}
	}
	return &e.storedCMK
}
