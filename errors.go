package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxKMSMessage bounds a message of KMS that is passed on, in bytes. What is longer is a gateway's dump of the string to
// sign, which holds every parameter, so also plaintext and security token.
const maxKMSMessage = 256

// A callError is a failed call to KMS.
type callError struct {
	op kmsapi.Operation
	// key is the engine's name of the key, and may be empty.
	key string
	err error
	// unsent says that KMS certainly did not run the call.
	unsent bool
	// done says what the request had changed before. It may be empty.
	done string
	// borrowed says that the credentials came from a role or the environment.
	borrowed bool
}

func (e *callError) Error() string { return fmt.Sprintf("%s: %s", e.op, e.err) }
func (e *callError) Unwrap() error { return e.err }

// withProgress adds to the error of a call to KMS what its request had changed before.
func withProgress(err error, done string) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.done = done
	}
	return err
}

func notConfigured(req *logical.Request) error {
	return refusal.BadRequest("the engine is not configured; run: vault write %sconfig region=... access_key=... secret_key=...", mount(req))
}

func unknownKey(req *logical.Request, name string) error {
	return refusal.NotFound("there is no key %q; to make it, run: vault write -f %skeys/%s", name, mount(req), name)
}

// ended maps an error caused by the end of the request, such as one of Vault's storage, to 504 for its deadline and to 503
// for its cancellation: 500 would blame the storage.
func ended(ctx context.Context, err error) error {
	if _, ok := errors.AsType[logical.HTTPCodedError](err); ok || ctx.Err() == nil || errors.Is(err, logical.ErrReadOnly) {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return logical.CodedError(http.StatusGatewayTimeout, "the request ran out of time: "+err.Error())
	}
	return refusal.Unavailable("the request was cancelled: %s", err)
}

// missing is the answer to a request for something that does not exist. A node that may not write learns of changes late,
// so it leaves that answer to the node that writes: what it does not know may have been made just now.
func (b *backend) missing(answer error) error {
	if !b.WriteSafeReplicationState() {
		return logical.ErrReadOnly
	}
	return answer
}

// A foreignError says that a ciphertext was made by a CMK other than its key's.
type foreignError struct{ requestID string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("the ciphertext was not made by this key (request id %s)", e.requestID)
}

// mount returns the path where the engine is mounted, with a slash at its end.
func mount(req *logical.Request) string {
	if req.MountPoint == "" {
		return "alicloudkms/"
	}
	return req.MountPoint
}

// coded returns what a failed request answers, and logs what is a fault of KMS or an attempt to open what belongs to another
// key.
func (b *backend) coded(req *logical.Request, err error) error {
	known := b.explain(req, err)
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		b.Logger().Warn("refused to open a ciphertext of another key", "path", req.Path, "request_id", foreign.requestID)
	}
	if failed, ok := errors.AsType[*callError](err); ok {
		if status := refusal.Status(known); status >= http.StatusInternalServerError {
			b.Logger().Warn("a call to KMS failed", "operation", string(failed.op), "key", failed.key, "status", status, "error", known.Error())
		}
	}
	return known
}

// explain is the one place where errors get their HTTP status. It returns a bare coded error, because Vault sees anything
// wrapped as 500. What is neither coded nor from KMS is left as it is: Vault knows its own errors by identity and message,
// and storage errors are 500.
func (b *backend) explain(req *logical.Request, err error) error {
	if known, ok := errors.AsType[logical.HTTPCodedError](err); ok {
		return known
	}
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return logical.CodedError(http.StatusForbidden, foreign.Error())
	}
	failed, ok := errors.AsType[*callError](err)
	if !ok {
		return err
	}
	x := failed.explain(req.Path)
	advice := refusal.Advice(x.advice, mount(req), failed.key)
	return logical.CodedError(x.status, refusal.Sentences(x.message, advice, failed.done))
}

// An explanation is what a failed call to KMS means to the caller of the engine.
type explanation struct {
	status int
	// message says what happened. KMS's own words are part of it, and are passed on unchanged.
	message string
	// advice says what to do, with the placeholders of [refusal.Advice]. It may be empty.
	advice string
}

// explain explains a failed call of a request to path.
func (e *callError) explain(path string) explanation {
	if missing, ok := errors.AsType[*client.CredentialsError](e.err); ok {
		return explainMissingCredentials(path, missing)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.err); ok {
		return e.explainRefusal(path, refused)
	}
	return e.explainNoAnswer()
}

// explainMissingCredentials is for a call that did not run because there were no credentials. What KMS said before is
// shown by its code only.
func explainMissingCredentials(path string, e *client.CredentialsError) explanation {
	x := explanation{status: http.StatusBadGateway, message: e.Error(), advice: "Where they come from: vault read {mount}config"}
	if refused, ok := errors.AsType[*kmsapi.Error](e.Refusal); ok {
		x.message = fmt.Sprintf("%s: KMS refused the credentials: %s. There are no others: %s", e.Operation, refused.Code, e.Err)
	}
	if status, over := statusOfEnd(e.Err); over {
		x.status = status
	} else if path == configPath {
		x.status = http.StatusBadRequest
	}
	return x
}

// explainNoAnswer is for a call to which KMS gave no answer.
func (e *callError) explainNoAnswer() explanation {
	x := explanation{status: http.StatusBadGateway, message: e.Error()}
	if unreachable, ok := errors.AsType[*client.TransportError](e.err); ok {
		x.message = unreachable.Error() // It names the operation itself.
	}
	if !e.unsent {
		x.advice = uncertain[e.op]
	}
	if status, over := statusOfEnd(e.err); over {
		x.status = status
	} else {
		x.advice = refusal.Sentences(x.advice, "The engine's settings: vault read {mount}config")
	}
	return x
}

// statusOfEnd is the status of a call that ended because its request did.
func statusOfEnd(err error) (status int, over bool) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, true
	case errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, true
	default:
		return 0, false
	}
}

func (e *callError) explainRefusal(path string, refused *kmsapi.Error) (x explanation) {
	advice, fault := credentialAdvice[refused.Code]
	if e.borrowed && client.RefusesCredentials(refused.Code) {
		advice, fault = borrowedAdvice, true
	}
	switch {
	case fault && path == configPath:
		x.status = http.StatusBadRequest
	case fault:
		x.status = http.StatusBadGateway
	default:
		x.status, advice = refusalStatus(refused), refusalAdvice[advised{e.op, refused.Code}]
		if advice == "" {
			advice = refusalAdvice[advised{code: refused.Code}]
		}
	}
	x.message, x.advice = e.quote(refused, !fault), advice
	return x
}

// quote passes on KMS's refusal. Its message is left out if that is asked for, or if it is too long to be one.
func (e *callError) quote(refused *kmsapi.Error, withMessage bool) string {
	quoted := fmt.Sprintf("%s: KMS refused: %s", e.op, refused.Code)
	if withMessage && len(refused.Message) <= maxKMSMessage {
		quoted += ": " + refused.Message
	}
	if refused.RequestID != "" {
		quoted += fmt.Sprintf(" (request id %s)", refused.RequestID)
	}
	return quoted
}

// refusalStatus keeps the statuses that mean to the caller what they mean to the engine.
func refusalStatus(refused *kmsapi.Error) int {
	if throttling[refused.Code] {
		return http.StatusTooManyRequests
	}
	switch refused.HTTPStatus {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests:
		return refused.HTTPStatus
	default:
		return http.StatusBadGateway
	}
}

// throttling are the codes of Alibaba Cloud's gateway that say 400 and mean 429.
var throttling = map[kmsapi.Code]bool{"Throttling": true, "Throttling.User": true, "Throttling.Api": true}

const (
	clockAdvice  = "The clocks of this server and of KMS differ by too much; set this server's clock, for example with NTP."
	secretAdvice = "The secret_key does not belong to the access_key; write both again: vault write {mount}config access_key=... secret_key=..."
	// borrowedAdvice is for credentials that nobody wrote to the configuration.
	borrowedAdvice = "The credentials come from the environment of the Vault server or from a role, and reading them again has not helped; see: vault read {mount}config"

	tokenAdvice = "The security_token is expired, malformed or of other credentials; write all three again: vault write {mount}config access_key=... secret_key=... security_token=..."
)

// credentialAdvice holds the codes that blame the engine's credentials or clock and not the request. Their messages are
// never passed on: they may quote the text that was signed.
var credentialAdvice = map[kmsapi.Code]string{
	kmsapi.ErrAccessKeyNotFound.Code: "KMS does not know the access_key; check it, and write: vault write {mount}config access_key=... secret_key=...",
	kmsapi.ErrAccessKeyInactive.Code: "The access_key is disabled; enable it in RAM, or write another: vault write {mount}config access_key=... secret_key=...",
	"InvalidAccessKeyId.Inactive":    "The access_key is disabled; enable it in RAM, or write another: vault write {mount}config access_key=... secret_key=...",

	"InvalidAccessKeyId": "KMS does not know the access_key; check it, and write: vault write {mount}config access_key=... secret_key=...",

	kmsapi.ErrIncompleteSignature.Code: secretAdvice,
	"SignatureDoesNotMatch":            secretAdvice,
	"InvalidAccessKeySecret":           secretAdvice,

	kmsapi.ErrIllegalTimestamp.Code: clockAdvice,
	"InvalidTimeStamp.Expired":      clockAdvice,
	"InvalidTimeStamp.Format":       clockAdvice,

	kmsapi.ErrInvalidSecurityTokenValue.Code:     tokenAdvice,
	"InvalidSecurityToken.Expired":               tokenAdvice,
	"InvalidSecurityToken.MismatchWithAccessKey": tokenAdvice,
	"MissingSecurityToken":                       tokenAdvice,

	kmsapi.ErrSignatureNonceUsed.Code: "KMS saw this signed request before; try again.",
}

// advised is a code, with the operation that it came from if that matters.
type advised struct {
	op   kmsapi.Operation
	code kmsapi.Code
}

var refusalAdvice = map[advised]string{
	{code: kmsapi.ErrRejectedDisabled.Code}:        "To enable the key, run: vault write -f {mount}keys/{key}/enable",
	{code: kmsapi.ErrRejectedPendingDeletion.Code}: "The key waits for its deletion; to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion",
	{code: kmsapi.ErrRejectedPendingImport.Code}:   "The key has no key material, or it has expired. Import it: vault transit import {mount}keys/{key} @FILE, or without showing it to Vault: vault write {mount}keys/{key}/import encrypted_key_material=... import_token=...",
	{code: kmsapi.ErrUnsupportedOrigin.Code}:       "KMS made the material of this key itself. Bring yours to a new key: vault transit import {mount}keys/NAME @FILE, or vault write {mount}keys/NAME origin=EXTERNAL",
	{code: kmsapi.ErrInvalidKeyMaterial.Code}:      "It is not what this key had before, or not 32 bytes encrypted with the public key and algorithm of the import_token. A key takes the same material only, ever: import that, or import this into a new key.",
	{code: kmsapi.ErrInvalidImportToken.Code}:      "The import_token is not of this key. Ask for another, and wrap the key material with its public_key: vault write -f {mount}keys/{key}/import_parameters",
	{code: kmsapi.ErrExpiredImportToken.Code}:      "An import_token is good for 24 hours. Ask for another, and wrap the key material with its public_key: vault write -f {mount}keys/{key}/import_parameters",
	{code: kmsapi.ErrKeyNotFound.Code}:             "The CMK is not in the region and account of this engine's configuration: see vault read {mount}config",
	{code: kmsapi.ErrNoPermission.Code}:            "The RAM user of the engine's access_key lacks the permission for this operation.",
	{code: kmsapi.ErrThrottling.Code}:              "Send fewer requests, or set max_parallel in {mount}config.",
	{code: kmsapi.ErrLimitExceeded.Code}:           "The account has reached its quota; ask Alibaba Cloud to raise it.",
	{code: kmsapi.ErrAliasNotFound.Code}:           "There is no such alias in the region and account of this engine's configuration: see vault list {mount}aliases",
	{code: kmsapi.ErrUnsupportedAlias.Code}:        "KMS takes only the id of a CMK here, and no alias.",

	{kmsapi.OpDescribeRegions, kmsapi.ErrNoPermission.Code}:            "The RAM user of the access_key may not call DescribeRegions; allow it, or write the configuration with verify=false.",
	{kmsapi.OpDecrypt, kmsapi.ErrKeyNotFound.Code}:                     "The ciphertext was made by a CMK that is not in the region and account of this engine's configuration.",
	{kmsapi.OpDecrypt, kmsapi.ErrRejectedDisabled.Code}:                "The CMK that made the ciphertext is disabled. If it is this key's, run: vault write -f {mount}keys/{key}/enable",
	{kmsapi.OpDecrypt, kmsapi.ErrRejectedPendingDeletion.Code}:         "The CMK that made the ciphertext waits for its deletion. If it is this key's, and you want to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion",
	{kmsapi.OpDecrypt, kmsapi.ErrRejectedPendingImport.Code}:           "The CMK that made the ciphertext has no key material, or it has expired. If it is this key's, import it: vault transit import {mount}keys/{key} @FILE, or vault write {mount}keys/{key}/import encrypted_key_material=... import_token=...",
	{kmsapi.OpScheduleKeyDeletion, kmsapi.ErrKeyNotFound.Code}:         "The CMK is not in the region and account of this engine's configuration: see vault read {mount}config. If it is gone for good, forget its name: vault write -f {mount}keys/{key}/deregister",
	{kmsapi.OpScheduleKeyDeletion, kmsapi.ErrStateModifiedFailed.Code}: "The key waits for its deletion already: see vault read {mount}keys/{key}",
	{kmsapi.OpDecrypt, kmsapi.ErrInvalidParameter.Code}:                "The ciphertext was altered or cut, or encryption_context, associated_data or the key's bound_context are not those it was encrypted with.",
	{kmsapi.OpEnableKey, kmsapi.ErrStateModifiedFailed.Code}:           "The key waits for its deletion or for key material: see vault read {mount}keys/{key}",
	{kmsapi.OpDisableKey, kmsapi.ErrStateModifiedFailed.Code}:          "The key waits for its deletion or for key material: see vault read {mount}keys/{key}",
	{kmsapi.OpImportKeyMaterial, kmsapi.ErrStateModifiedFailed.Code}:   "The key waits for its deletion; to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion",
	{kmsapi.OpDeleteKeyMaterial, kmsapi.ErrUnsupportedOrigin.Code}:     "KMS made the material of this key itself; it goes only with the key: vault delete {mount}keys/{key}",
	{kmsapi.OpCancelKeyDeletion, kmsapi.ErrStateModifiedFailed.Code}:   "The key is not waiting for its deletion.",
	{kmsapi.OpCreateAlias, kmsapi.ErrStateModifiedFailed.Code}:         "The key waits for its deletion; to keep it, run: vault write -f {mount}keys/{key}/cancel_deletion",
	{kmsapi.OpCreateAlias, kmsapi.ErrLimitExceeded.Code}:               "The account has as many aliases as it may; remove one of vault list {mount}aliases, or ask Alibaba Cloud for more.",
	{kmsapi.OpTagResource, kmsapi.ErrLimitExceeded.Code}:               "A CMK has room for few tags, and would have too many. To make room, run: vault delete {mount}keys/{key}/tags tag_keys=...",
}

// uncertain warns where an operation that did not answer may have run.
var uncertain = map[kmsapi.Operation]string{
	kmsapi.OpCreateKey:           "KMS may have made a CMK all the same; write the key again, and the engine looks for it first: vault write -f {mount}keys/{key}",
	kmsapi.OpScheduleKeyDeletion: "KMS may have scheduled the deletion all the same; see vault read {mount}keys/{key}",
	kmsapi.OpImportKeyMaterial:   "KMS may have imported the key material all the same; it does no harm to import it again.",
	kmsapi.OpDeleteKeyMaterial:   "KMS may have deleted the key material all the same; see vault read {mount}keys/{key}",
	kmsapi.OpCancelKeyDeletion:   "KMS may have cancelled the deletion all the same; see vault read {mount}keys/{key}",
	kmsapi.OpCreateAlias:         "KMS may have made the alias all the same; it does no harm to write it again.",
	kmsapi.OpUpdateAlias:         "KMS may have changed the alias all the same; it does no harm to write it again.",
	kmsapi.OpDeleteAlias:         "KMS may have removed the alias all the same; see vault list {mount}aliases",
	kmsapi.OpTagResource:         "KMS may have set the tags all the same; see vault read {mount}keys/{key}/tags",
	kmsapi.OpUntagResource:       "KMS may have removed the tags all the same; see vault read {mount}keys/{key}/tags",
}
