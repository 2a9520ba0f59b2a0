package seal

import (
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An Error is a call to KMS that failed. [errors.As] finds what the client returned: a [*kmsapi.Error], a
// [*client.TransportError] or a [*client.CredentialsError].
type Error struct {
	// Operation is what was called.
	Operation kmsapi.Operation
	// KeyID is the configured CMK or alias, or for Decrypt the CMK that the blob says has sealed it: after a change of
	// kms_key_id, it is that one that must be looked after.
	KeyID string
	// Err is the cause.
	Err error
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error says what failed and what to do about it.
func (e *Error) Error() string {
	if missing, ok := errors.AsType[*client.CredentialsError](e.Err); ok {
		return e.explainMissingCredentials(missing)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.Err); ok {
		return e.explainRefusal(refused)
	}
	return e.Err.Error() // A TransportError, which names the operation and has advice of its own.
}

// explainMissingCredentials shows only the code of what KMS said before there were no more credentials.
func (e *Error) explainMissingCredentials(missing *client.CredentialsError) string {
	if refused, ok := errors.AsType[*kmsapi.Error](missing.Refusal); ok {
		return fmt.Sprintf("%s: KMS refused the credentials (%s), and there are no others: %v", e.Operation, refused.Code, missing.Err)
	}
	return missing.Error()
}

func (e *Error) explainRefusal(refused *kmsapi.Error) string {
	text := fmt.Sprintf("%s with %q: %s", e.Operation, e.KeyID, advice.Describe(refused))
	if hint := whatToDo.For(e.Operation, refused); hint != "" {
		text += "; " + hint
	}
	return text
}

const accessKeyAdvice = "KMS does not know the access key, or it is disabled: check access_key, or where the credentials come from"

// whatToDo is the advice to people who run a server that unseals with KMS. It is never changed.
var whatToDo = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  accessKeyAdvice,
		kmsapi.KindAccessKeyDisabled: accessKeyAdvice,
		kmsapi.KindSignature:         "the secret does not belong to the access key: check secret_key",
		kmsapi.KindSecurityToken:     "the security token has expired or belongs to another access key; use credentials that the seal can renew: role_arn, or no access_key, for the RAM role of the instance",
		kmsapi.KindClock:             "the clocks of this server and of KMS differ by too much: set this server's clock, for example with NTP",
		kmsapi.KindNotFound:          "check kms_key_id, region and domain: the CMK must be in that region, and of the access key's account",
		kmsapi.KindThrottle:          "the account sends too many requests to KMS",
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrRejectedDisabled.Code:        "the CMK is disabled: enable it in KMS, and the server unseals itself",
		kmsapi.ErrRejectedPendingDeletion.Code: "the CMK is scheduled for deletion: cancel that in KMS, or everything that it has sealed is lost for good",
		kmsapi.ErrRejectedPendingImport.Code:   "the CMK has no key material: import the same material again",
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDescribeKey: {
			kmsapi.ErrNoPermission.Code: "the RAM identity needs the action kms:DescribeKey on the CMK, and on the alias if kms_key_id is one",
		},
		kmsapi.OpEncrypt: {
			kmsapi.ErrNoPermission.Code: "the RAM identity needs the action kms:Encrypt on the CMK, and on the alias if kms_key_id is one",
		},
		kmsapi.OpDecrypt: {
			kmsapi.ErrNoPermission.Code:     "the RAM identity needs the action kms:Decrypt on the CMK that sealed the data, which after a change of kms_key_id is the old one",
			kmsapi.ErrKeyNotFound.Code:      "the CMK that sealed the data is not in that region and account; if it was deleted, what it sealed is lost",
			kmsapi.ErrInvalidParameter.Code: "the sealed data was altered, or did not come from KMS",
		},
	},
}
