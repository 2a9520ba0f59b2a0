package alicloudkms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A callError is a failed call to KMS.
type callError struct {
	op kmsapi.Operation
	// key is the engine's name of the key, and may be empty.
	key string
	err error
	// unsent says that KMS certainly did not run the call.
	unsent bool
	// done says what the request had already changed. It may be empty.
	done string
	// doubt says what else may be wrong with the request. It may be empty.
	doubt string
	// ofDataKey says that the call was to open a data key of the engine's own.
	ofDataKey bool
	// borrowed says that the credentials came from a role or the environment.
	borrowed bool
	// gateway is the gateway that was called, if there are two.
	gateway gatewayName
	// instance is the KMS instance of the key. It may be empty.
	instance string
	// sm says that the call is about SM2 or SM4.
	sm bool
}

func (e *callError) Error() string { return fmt.Sprintf("%s: %s", e.op, e.err) }
func (e *callError) Unwrap() error { return e.err }

// recurring returns a string that is the same each time an error recurs: its message or, for a refusal by KMS or RAM,
// whose message has a new request id each time, the operation, the key and the code.
func recurring(err error) string {
	if denied, ok := errors.AsType[*ram.Error](err); ok {
		return fmt.Sprint(denied.Action, " ", denied.Code)
	}
	failed, called := errors.AsType[*callError](err)
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if !called || !ok {
		return err.Error()
	}
	return fmt.Sprint(failed.op, " ", failed.key, " ", refused.Code)
}

// withProgress adds to the error of a call to KMS what its request had already changed.
func withProgress(err error, done string) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.done = done
	}
	return err
}

// withDoubt adds to the error of a call to KMS what else may be wrong.
func withDoubt(err error, doubt string) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.doubt = doubt
	}
	return err
}

func notConfigured(req *logical.Request) error {
	return refusal.BadRequest("the engine is not configured; run: vault write %sconfig region=... access_key=... secret_key=...", mount(req))
}

func unknownKey(req *logical.Request, name string) error {
	return refusal.NotFound("there is no key %q; to make it, run: vault write -f %skeys/%s", name, mount(req), name)
}

// ended maps an error caused by the end of the request, such as one of Vault's storage, to 504 for its deadline and to
// 503 for its cancellation: 500 would blame the storage.
func ended(ctx context.Context, err error) error {
	if _, ok := errors.AsType[logical.HTTPCodedError](err); ok || ctx.Err() == nil || errors.Is(err, logical.ErrReadOnly) {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return logical.CodedError(http.StatusGatewayTimeout, "the request ran out of time: "+err.Error())
	}
	return refusal.Unavailable("the request was cancelled: %s", err)
}

// missing is the answer to a request for something that does not exist. A node that may not write learns of changes
// late, so it leaves that answer to the node that writes: the thing may just have been made.
func (b *backend) missing(answer error) error {
	if !b.WriteSafeReplicationState() {
		return logical.ErrReadOnly
	}
	return answer
}

// A foreignError says that a ciphertext was made by another key, or by a version that the entry does not know.
type foreignError struct {
	// requestID is the id of the call that showed this, and empty if none was made.
	requestID string
	// version is the ciphertext's if the key made it, and newest the newest of the entry.
	version, newest int
}

func (e *foreignError) Error() string {
	switch {
	case e.version > 0:
		return fmt.Sprintf(
			"the ciphertext was made with version %d of the key, whose newest version here is %d: Vault's storage may be from an older snapshot; rotate the key until it has that version",
			e.version, e.newest)
	case e.requestID == "":
		return "the ciphertext was not made by this key; decrypt it with the key that made it"
	default:
		return fmt.Sprintf("the ciphertext was not made by this key; decrypt it with the key that made it (request id %s)",
			e.requestID)
	}
}

// mount returns the path where the engine is mounted, with a slash at its end.
func mount(req *logical.Request) string {
	if req.MountPoint == "" {
		return "alicloudkms/"
	}
	return req.MountPoint
}

// coded returns the error that a failed request answers with. It logs faults of KMS, and attempts to open ciphertexts
// of other keys.
func (b *backend) coded(req *logical.Request, err error) error {
	known := b.explain(req, err)
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		b.Logger().Warn("refused to open a ciphertext of another key", "path", req.Path, "request_id", foreign.requestID)
	}
	if failed, ok := errors.AsType[*callError](err); ok {
		if status := refusal.Status(known); status >= http.StatusInternalServerError {
			b.Logger().Warn("a call to KMS failed",
				"operation", string(failed.op), "key", failed.key, "status", status, "error", known.Error())
		}
	}
	return known
}

// explain is the one place where errors get their HTTP status. It returns a bare coded error, because Vault sees
// anything wrapped as 500. Errors that are neither coded nor from KMS are left as they are: Vault knows its own errors
// by identity and message, and storage errors are 500.
func (b *backend) explain(req *logical.Request, err error) error {
	if known, ok := errors.AsType[logical.HTTPCodedError](err); ok {
		return known
	}
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		return logical.CodedError(http.StatusForbidden, foreign.Error())
	}
	if failed, ok := errors.AsType[*ramError](err); ok {
		return failed.coded()
	}
	if unknown, ok := errors.AsType[*unknownVersionError](err); ok {
		return logical.CodedError(http.StatusBadRequest, unknown.Error())
	}
	if lacking, ok := errors.AsType[*noDataKeyError](err); ok {
		return logical.CodedError(http.StatusBadRequest, lacking.Error())
	}
	failed, ok := errors.AsType[*callError](err)
	if !ok {
		return err
	}
	x := failed.explain(req.Path)
	hint := refusal.Advice(refusal.Sentences(x.hint, always[failed.op]), mount(req), failed.key)
	hint = strings.ReplaceAll(hint, "{actions}", strings.Join(failed.op.Actions(), ", "))
	return logical.CodedError(x.status, refusal.Sentences(x.message, hint, failed.doubt, failed.done))
}

// An explanation is what a failed call to KMS means to the caller of the engine.
type explanation struct {
	status int
	// message says what happened. KMS's own words are part of it, and are passed on unchanged.
	message string
	// hint says what to do, with the placeholders of [refusal.Advice]. It may be empty.
	hint string
}

// explain explains a failed call of a request to path.
func (e *callError) explain(path string) explanation {
	if missing, ok := errors.AsType[*client.CredentialsError](e.err); ok {
		return explainMissingCredentials(path, missing)
	}
	x := e.explainNoAnswer(path)
	if refused, ok := errors.AsType[*kmsapi.Error](e.err); ok {
		x = e.explainRefusal(path, refused)
	}
	if e.gateway != "" {
		x.message = fmt.Sprintf("%s: %s", e.gateway, x.message)
	}
	return x
}

// explainMissingCredentials is for a call that did not run because there were no credentials. An earlier refusal by KMS
// is shown by its code only.
func explainMissingCredentials(path string, e *client.CredentialsError) explanation {
	x := explanation{
		status:  http.StatusBadGateway,
		message: e.Error(),
		hint:    "Where they come from: vault read {mount}config",
	}
	if path == configPath {
		x.hint = ""
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.Refusal); ok {
		x.message = fmt.Sprintf("%s: KMS refused the credentials: %s. No others could be found: %s",
			e.Operation, refused.Code, e.Err)
	}
	if status, over := statusOfEnd(e.Err); over {
		x.status = status
	} else if path == configPath {
		x.status = http.StatusBadRequest
	}
	return x
}

// explainNoAnswer is for a call to which KMS gave no answer. A request to configPath has just given the settings.
func (e *callError) explainNoAnswer(path string) explanation {
	x := explanation{status: http.StatusBadGateway, message: e.Error()}
	if unreachable, ok := errors.AsType[*client.TransportError](e.err); ok {
		x.message = unreachable.Error() // It names the operation itself.
		if advice := e.transportAdvice(path == configPath); advice != "" {
			x.message = fmt.Sprintf("%s at %s failed: %s", e.op, unreachable.Endpoint, unreachable.Err)
			x.hint = advice
		} else if e.gateway == viaShared {
			x.hint = sharedAdvice
		}
	}
	if !e.unsent {
		x.hint = refusal.Sentences(uncertain[e.op], x.hint)
	}
	if status, over := statusOfEnd(e.err); over {
		x.status = status
	} else if path != configPath {
		x.hint = refusal.Sentences(x.hint, "The engine's settings: vault read {mount}config")
	}
	return x
}

// statusOfEnd returns the status of a call that ended because its request did. over is false for any other error.
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

// explainRefusal is for a call that KMS refused. Refused credentials are a fault of the configuration: only the caller
// that writes it is to blame.
func (e *callError) explainRefusal(path string, refused *kmsapi.Error) explanation {
	op := e.op
	if e.ofDataKey && refused.Kind() == kmsapi.KindState {
		op = kmsapi.OpEncrypt // The advice of Encrypt fits: the ciphertext is not the caller's.
	}
	x := explanation{
		status:  refusalStatus(refused),
		message: fmt.Sprintf("%s: %s", e.op, advice.Describe(refused)),
		hint:    cmp.Or(e.smAdvice(op, refused), e.gatewayAdvice().For(op, refused), whatToDo.For(op, refused)),
	}
	borrowed := borrowedAdvice
	if path == configPath {
		x.hint = cmp.Or(e.gatewayAdvice().For(e.op, refused), whileConfiguring.For(e.op, refused), x.hint)
		borrowed = borrowedWhileConfiguring
	}
	if refused.Kind().Unauthenticated() {
		x.status = http.StatusBadGateway
		if path == configPath {
			x.status = http.StatusBadRequest
		}
	}
	if e.borrowed && refused.Kind().BlamesCredentials() {
		x.hint = borrowed
	}
	return x
}

// refusalStatus passes on the statuses that mean the same to the caller as to the engine.
func refusalStatus(refused *kmsapi.Error) int {
	if refused.Kind() == kmsapi.KindThrottle {
		return http.StatusTooManyRequests // Alibaba Cloud's gateway says 400.
	}
	if refused.Kind() == kmsapi.KindUnsupported {
		return http.StatusBadRequest // Some are 404, which would say that the key does not exist.
	}
	switch refused.HTTPStatus {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests:
		return refused.HTTPStatus
	default:
		return http.StatusBadGateway
	}
}
