package seal

import (
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxMessage bounds a message of KMS that is passed on, in bytes. What is longer is a gateway's dump of what was signed.
const maxMessage = 256

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
	if wanting, ok := errors.AsType[*client.CredentialsError](e.Err); ok {
		return e.explainWant(wanting)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.Err); ok {
		return e.explainRefusal(refused)
	}
	return e.Err.Error() // A TransportError, which names the operation and has advice of its own.
}

// explainWant shows only the code of what KMS said before there were no more credentials.
func (e *Error) explainWant(wanting *client.CredentialsError) string {
	if refused, ok := errors.AsType[*kmsapi.Error](wanting.Refusal); ok {
		return fmt.Sprintf("%s: KMS refused the credentials (%s), and there are no others: %v", e.Operation, refused.Code, wanting.Err)
	}
	return wanting.Error()
}

func (e *Error) explainRefusal(refused *kmsapi.Error) string {
	text := fmt.Sprintf("%s with %q: KMS refused: %s", e.Operation, e.KeyID, refused.Code)
	advice, fault := credentialAdvice[refused.Code]
	fault = fault || client.RefusesCredentials(refused.Code)
	// A message about a signature may quote what was signed.
	if !fault && len(refused.Message) <= maxMessage {
		text += ": " + refused.Message
	}
	if refused.RequestID != "" {
		text += fmt.Sprintf(" (request id %s)", refused.RequestID)
	}
	if advice == "" {
		advice = refusalAdvice[advised{e.Operation, refused.Code}]
	}
	if advice == "" {
		advice = refusalAdvice[advised{code: refused.Code}]
	}
	if advice != "" {
		text += "; " + advice
	}
	return text
}

const (
	accessKeyAdvice = "KMS does not know the access key, or it is disabled: check access_key, or where the credentials come from"
	secretAdvice    = "the secret does not belong to the access key: check secret_key"
	tokenAdvice     = "the security token has ended or is of another access key; use credentials that the seal can renew: role_arn, or no access_key, for the RAM role of the instance"
	clockAdvice     = "the clocks of this server and of KMS differ by too much: set this server's clock, for example with NTP"
)

// credentialAdvice holds the codes that blame credentials or the clock.
var credentialAdvice = map[kmsapi.Code]string{
	kmsapi.ErrAccessKeyNotFound.Code: accessKeyAdvice,
	kmsapi.ErrAccessKeyInactive.Code: accessKeyAdvice,
	"InvalidAccessKeyId.Inactive":    accessKeyAdvice,
	"InvalidAccessKeyId":             accessKeyAdvice,

	kmsapi.ErrIncompleteSignature.Code: secretAdvice,
	"SignatureDoesNotMatch":            secretAdvice,
	"InvalidAccessKeySecret":           secretAdvice,

	kmsapi.ErrInvalidSecurityTokenValue.Code:     tokenAdvice,
	"InvalidSecurityToken.Expired":               tokenAdvice,
	"InvalidSecurityToken.MismatchWithAccessKey": tokenAdvice,
	"MissingSecurityToken":                       tokenAdvice,

	kmsapi.ErrIllegalTimestamp.Code: clockAdvice,
	"InvalidTimeStamp.Expired":      clockAdvice,
	"InvalidTimeStamp.Format":       clockAdvice,
	"RequestTimeTooSkewed":          clockAdvice,
}

// advised is a code, with the operation that it came from if that matters.
type advised struct {
	op   kmsapi.Operation
	code kmsapi.Code
}

const whereAdvice = "check kms_key_id, region and domain: the CMK must be in that region, and of the access key's account"

var refusalAdvice = map[advised]string{
	{code: kmsapi.ErrRejectedDisabled.Code}:        "the CMK is disabled: enable it in KMS, and the server unseals itself",
	{code: kmsapi.ErrRejectedPendingDeletion.Code}: "the CMK waits for its deletion: cancel that in KMS, or all that it has sealed is lost for good",
	{code: kmsapi.ErrRejectedPendingImport.Code}:   "the CMK has no key material: import the same material again",
	{code: kmsapi.ErrKeyNotFound.Code}:             whereAdvice,
	{code: kmsapi.ErrAliasNotFound.Code}:           whereAdvice,
	{code: kmsapi.ErrThrottling.Code}:              "the account sends too many requests to KMS",

	{kmsapi.OpDescribeKey, kmsapi.ErrNoPermission.Code}: "the RAM identity needs the action kms:DescribeKey on the CMK, and on the alias if kms_key_id is one",
	{kmsapi.OpEncrypt, kmsapi.ErrNoPermission.Code}:     "the RAM identity needs the action kms:Encrypt on the CMK, and on the alias if kms_key_id is one",
	{kmsapi.OpDecrypt, kmsapi.ErrNoPermission.Code}:     "the RAM identity needs the action kms:Decrypt on the CMK that has sealed the data, which after a change of kms_key_id is the old one",
	{kmsapi.OpDecrypt, kmsapi.ErrKeyNotFound.Code}:      "the CMK that has sealed the data is not in that region and account; if it was deleted, what it has sealed is lost",
	{kmsapi.OpDecrypt, kmsapi.ErrInvalidParameter.Code}: "the sealed data was altered, or no KMS has made it",
}
