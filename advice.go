package alicloudkms

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// In the sentences of this file {mount} is the engine's mount point, with a slash, {key} the name of the key, and
// {actions} the RAM actions that must be allowed.

// borrowedAdvice is for credentials that do not come from the configuration.
const borrowedAdvice = "The credentials come from the environment of the Vault server or from a role, and reading them again has not helped; see: vault read {mount}config"

// whatToDo is the advice to the engine's callers. It is never changed.
var whatToDo = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  "KMS does not know the access_key; check it, and write: vault write {mount}config access_key=... secret_key=...",
		kmsapi.KindAccessKeyDisabled: "The access_key is disabled; enable it in RAM, or write another: vault write {mount}config access_key=... secret_key=...",
		kmsapi.KindSignature:         "The secret_key does not belong to the access_key; write both again: vault write {mount}config access_key=... secret_key=...",
		kmsapi.KindSecurityToken:     "The security_token is expired, malformed or belongs to other credentials; write all three again: vault write {mount}config access_key=... secret_key=... security_token=...",
		kmsapi.KindClock:             "The clocks of this server and of KMS differ by too much; set this server's clock, for example with NTP.",
		kmsapi.KindNonce:             "KMS saw this signed request before; try again.",
		kmsapi.KindPermission:        "The RAM user or role that the engine calls KMS as lacks the permission; allow it in RAM: {actions}",
		kmsapi.KindThrottle:          "Send fewer requests at a time and try again, or set max_parallel in {mount}config.",
		kmsapi.KindTemporary:         "It is a fault of KMS; try again later.",
		kmsapi.KindQuota:             "The account has reached its quota; ask Alibaba Cloud to raise it.",
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrRejectedDisabled.Code:        enableAdvice,
		kmsapi.ErrRejectedPendingDeletion.Code: keepAdvice,
		kmsapi.ErrRejectedPendingImport.Code:   importAdvice,

		kmsapi.ErrUnsupportedOrigin.Code:    "KMS made the material of this key itself. Bring yours to a new key: vault transit import {mount}keys/NAME @FILE, or vault write {mount}keys/NAME origin=EXTERNAL",
		kmsapi.ErrUnsupportedAlias.Code:     "KMS accepts only the id of a KMS key here, not an alias.",
		kmsapi.ErrInvalidKeyMaterial.Code:   "It is not what this key had before, or is not of the size that the key takes, or was not encrypted with the public key and algorithm of the import_token. A key takes only one material, for good: import that, or import this into a new key.",
		kmsapi.ErrInvalidImportToken.Code:   "The import_token does not belong to this key. Ask for another, and wrap the key material with its public_key: vault write -f {mount}keys/{key}/import_parameters",
		kmsapi.ErrExpiredImportToken.Code:   "An import_token is valid for 24 hours. Ask for another, and wrap the key material with its public_key: vault write -f {mount}keys/{key}/import_parameters",
		kmsapi.ErrKeyNotFound.Code:          "The KMS key is not in the region and account of this engine's configuration: see vault read {mount}config",
		kmsapi.ErrInvalidAPIName.Code:       "The endpoint in {mount}config is the dedicated gateway of a KMS instance, which only encrypts, decrypts and signs. Leave endpoint empty, for the shared gateway of the region, and set gateway=dedicated and kms_instance_id.",
		kmsapi.ErrInstanceNotFound.Code:     "There is no such KMS instance in the region and account of this engine's configuration: check kms_instance_id of vault read {mount}config, or the instance_id that was given.",
		kmsapi.ErrInstanceStateInvalid.Code: "The KMS instance is not enabled, or is being enabled: see its status in the KMS console, and try again once it is Connected.",
		kmsapi.ErrAliasNotFound.Code:        "There is no such alias in the region and account of this engine's configuration: see vault list {mount}aliases",
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDescribeRegions: {
			kmsapi.ErrNoPermission.Code: "The RAM user of the access_key may not call DescribeRegions; allow it, or write the configuration with verify=false.",
		},
		kmsapi.OpGetKmsInstance: {
			kmsapi.ErrNoPermission.Code: "The RAM user of the access_key may not call GetKmsInstance, as no account may for an instance that is only shared with it.",
		},
		kmsapi.OpDecrypt:   aboutCiphertexts,
		kmsapi.OpReEncrypt: aboutCiphertexts,
		kmsapi.OpAsymmetricDecrypt: {
			kmsapi.ErrInvalidParameter.Code: "The ciphertext was altered or cut, or encrypted with the public key of another version: the number after vault:v chooses the version that is tried.",
		},
		kmsapi.OpScheduleKeyDeletion: {
			kmsapi.ErrKeyNotFound.Code:         "The KMS key is not in the region and account of this engine's configuration: see vault read {mount}config. If it is gone for good, forget its name: vault write -f {mount}keys/{key}/deregister",
			kmsapi.ErrStateModifiedFailed.Code: "The key is scheduled for deletion already, or its deletion_protection is on: see vault read {mount}keys/{key}. To turn that off, run: vault write {mount}keys/{key}/config deletion_protection=false",
		},
		kmsapi.OpEnableKey:         {kmsapi.ErrStateModifiedFailed.Code: notNowAdvice},
		kmsapi.OpDisableKey:        {kmsapi.ErrStateModifiedFailed.Code: notNowAdvice},
		kmsapi.OpImportKeyMaterial: {kmsapi.ErrStateModifiedFailed.Code: keepAdvice},
		kmsapi.OpCancelKeyDeletion: {kmsapi.ErrStateModifiedFailed.Code: "The key is not scheduled for deletion."},
		kmsapi.OpDeleteKeyMaterial: {
			kmsapi.ErrUnsupportedOrigin.Code: "KMS made the material of this key itself; it is deleted only with the key: vault delete {mount}keys/{key}",
		},
		kmsapi.OpCreateKeyVersion: {
			kmsapi.ErrUnsupportedOperation.Code:         newCMKAdvice,
			kmsapi.ErrRejectedUnsupportedOperation.Code: newCMKAdvice,
			kmsapi.ErrLimitExceeded.Code:                newCMKAdvice,
			kmsapi.ErrActionNotFound.Code:               newCMKAdvice,
			kmsapi.ErrNoPermission.Code:                 "RAM must allow {actions}. " + newCMKAdvice,
		},
		kmsapi.OpUpdateRotationPolicy: {
			kmsapi.ErrUnsupportedOperation.Code:         noPolicyAdvice,
			kmsapi.ErrRejectedUnsupportedOperation.Code: noPolicyAdvice,
		},
		kmsapi.OpTagResource: {
			kmsapi.ErrLimitExceeded.Code: "The KMS key would have too many tags. To make room, run: vault delete {mount}keys/{key}/tags tag_keys=...",
		},
		kmsapi.OpCreateAlias: {
			kmsapi.ErrStateModifiedFailed.Code: keepAdvice,
			kmsapi.ErrLimitExceeded.Code:       "The account has reached its limit of aliases; ask Alibaba Cloud for more, or remove one of vault list {mount}aliases",
		},
	},
}

// aboutCiphertexts is advice for when KMS refuses to open a ciphertext, which may belong to another key.
var aboutCiphertexts = map[kmsapi.Code]string{
	kmsapi.ErrRejectedDisabled.Code:        enableToDecrypt,
	kmsapi.ErrRejectedPendingDeletion.Code: keepToDecrypt,
	kmsapi.ErrRejectedPendingImport.Code:   importToDecrypt,

	kmsapi.ErrKeyNotFound.Code:      "The ciphertext was made by a KMS key that is not in the region and account of this engine's configuration.",
	kmsapi.ErrInvalidParameter.Code: otherContext,
}

const (
	newCMKAdvice   = "Another KMS key can be the next version: to have one made like this one, which costs what a KMS key costs, run: vault write {mount}keys/{key}/rotate new_cmk=true, or if its material is imported: vault transit import-version {mount}keys/{key} @FILE"
	noPolicyAdvice = "KMS rotates only symmetric keys whose material it has made, and not every kind of these."

	enableAdvice = "To enable the key, run: vault write -f {mount}keys/{key}/enable"
	importAdvice = "The key has no key material, or it has expired. Import it: vault transit import {mount}keys/{key} @FILE, or without showing it to Vault: vault write {mount}keys/{key}/import encrypted_key_material=... import_token=..."
	notNowAdvice = "The key is scheduled for deletion or waits for key material: see vault read {mount}keys/{key}"
	keepAdvice   = "The key is scheduled for deletion; to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion"

	otherContext    = "The ciphertext was altered or cut, or context, associated_data, encryption_context or the key's bound_context are not those it was encrypted with."
	enableToDecrypt = "The KMS key that made the ciphertext is disabled. If it is this key's, run: vault write -f {mount}keys/{key}/enable"
	keepToDecrypt   = "The KMS key that made the ciphertext is scheduled for deletion. If it is this key's, and you want to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion"
	importToDecrypt = "The KMS key that made the ciphertext has no key material, or it has expired. If it is this key's, import it: vault transit import {mount}keys/{key} @FILE, or vault write {mount}keys/{key}/import encrypted_key_material=... import_token=..."
)

// overDedicated is for calls to the dedicated gateway.
var overDedicated = advice.Table{
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrUnsupportedOperation.Code: "The type of the KMS key does not fit the operation.",
		kmsapi.ErrKeyNotFound.Code:          "The KMS key is not in the KMS instance of this gateway: see kms_instance_id of vault read {mount}keys/{key} and vault read {mount}config",
	},
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindThrottle: "Send fewer requests at a time and try again, or set max_parallel in {mount}config; how many a KMS instance serves depends on its specification.",
	},
}

// forInstanceKeys is for keys of an instance that are used over the shared gateway.
var forInstanceKeys = advice.Table{ByOperation: usesOfKeys(kmsapi.ErrUnsupportedOperation.Code,
	"If the KMS key is for encryption, Internet access of its KMS instance is off. The shared gateway needs it, even from a VPC; the instance's owner switches it on in the KMS console. Or use the dedicated gateway: vault write {mount}config gateway=dedicated kms_instance_id=kst-... secret_key=...",
	map[kmsapi.Code]string{
		kmsapi.ErrUnsupportedOperation.Code: "Not every KMS instance makes every kind of key: most software instances, for example, make none of origin EXTERNAL.",
	})}

// forOtherKeys is for keys that are in no instance, as far as is known.
var forOtherKeys = advice.Table{ByOperation: usesOfKeys(kmsapi.ErrUnsupportedOperation.Code,
	"If the KMS key is for encryption, it is the account's default key or that of a cloud service, which only Alibaba Cloud's own services can use, or Internet access of its KMS instance is off. To make keys of your own in an instance, run: vault write {mount}config kms_instance_id=kst-...",
	map[kmsapi.Code]string{
		kmsapi.ErrLimitExceeded.Code:        needsInstance,
		kmsapi.ErrUnsupportedOperation.Code: needsInstance,
	})}

const needsInstance = "Without a KMS instance, a new account has a single default key. To make keys of your own in an instance, run: vault write {mount}config kms_instance_id=kst-..., or give instance_id with the key."

// forSM is for calls about SM2 and SM4. What KMS answers in a region without them is not documented.
var forSM = advice.Table{
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrUnsupportedOperation.Code:         whereSM,
		kmsapi.ErrRejectedUnsupportedOperation.Code: whereSM,
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpCreateKey:              {kmsapi.ErrInvalidParameter.Code: whereSM},
		kmsapi.OpGetParametersForImport: {kmsapi.ErrInvalidParameter.Code: whereSM},
	},
}

const whereSM = "Alibaba Cloud's KMS has SM2 and SM4 only in hardware KMS instances, in regions of mainland China; to make keys there, give instance_id, or kms_instance_id in {mount}config. The KMS service of this project has them if its configuration says sm = true."

// usesOfKeys gives text as the advice for code to every operation that uses a key, and creation as the advice for
// CreateKey.
func usesOfKeys(
	code kmsapi.Code, text string, creation map[kmsapi.Code]string,
) map[kmsapi.Operation]map[kmsapi.Code]string {
	table := map[kmsapi.Operation]map[kmsapi.Code]string{kmsapi.OpCreateKey: creation}
	for _, op := range kmsapi.Operations() {
		if op.Plane() != kmsapi.ControlPlane {
			table[op] = map[kmsapi.Code]string{code: text}
		}
	}
	return table
}

// always is advice that goes with every failure of an operation.
var always = map[kmsapi.Operation]string{
	kmsapi.OpGetKmsInstance: "If the engine can't read the instance's CA certificate, give instance_ca_cert in {mount}config: the KMS console offers it as a file.",
}

// uncertain warns about operations that may have run although KMS did not answer.
var uncertain = map[kmsapi.Operation]string{
	kmsapi.OpCreateKey:             "KMS may have made a KMS key anyway; send the same request again, and the engine looks for it first.",
	kmsapi.OpScheduleKeyDeletion:   "KMS may have scheduled the deletion anyway; see vault read {mount}keys/{key}",
	kmsapi.OpImportKeyMaterial:     "KMS may have imported the key material anyway; it does no harm to import it again.",
	kmsapi.OpDeleteKeyMaterial:     "KMS may have deleted the key material anyway; see vault read {mount}keys/{key}",
	kmsapi.OpCancelKeyDeletion:     "KMS may have cancelled the deletion anyway; see vault read {mount}keys/{key}",
	kmsapi.OpCreateKeyVersion:      "KMS may have made a version anyway: see latest_version of vault read {mount}keys/{key}, which shows it within an hour.",
	kmsapi.OpUpdateRotationPolicy:  "KMS may have changed the rotation policy anyway; it does no harm to write it again.",
	kmsapi.OpCreateAlias:           "KMS may have made the alias anyway; it does no harm to write it again.",
	kmsapi.OpUpdateAlias:           "KMS may have changed the alias anyway; it does no harm to write it again.",
	kmsapi.OpDeleteAlias:           "KMS may have removed the alias anyway; see vault list {mount}aliases",
	kmsapi.OpUpdateKeyDescription:  "KMS may have changed the description anyway; it does no harm to write it again.",
	kmsapi.OpSetDeletionProtection: "KMS may have changed the deletion protection anyway; it does no harm to write it again.",
	kmsapi.OpTagResource:           "KMS may have set the tags anyway; see vault read {mount}keys/{key}/tags",
	kmsapi.OpUntagResource:         "KMS may have removed the tags anyway; see vault read {mount}keys/{key}/tags",
}
