package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A callError is a failed call to KMS.
type callError struct {
	op kmsapi.Operation
	// key is the engine's name of the key, and may be empty.
	key string
	err error
	// unsent says that KMS surely did not run the call.
	unsent bool
	// done tells the caller what the request had done before. It may be empty.
	done string
	// borrowed says that the credentials came from a role or the environment.
	borrowed bool
}

func (e *callError) Error() string { return fmt.Sprintf("%s: %s", e.op, e.err) }
func (e *callError) Unwrap() error { return e.err }

// havingDone puts what a request has changed already into the error of a later call to KMS.
func havingDone(err error, done string) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.done = done
	}
	return err
}

func badRequest(format string, args ...any) error {
	return logical.CodedError(http.StatusBadRequest, fmt.Sprintf(format, args...))
}

func conflict(format string, args ...any) error {
	return logical.CodedError(http.StatusConflict, fmt.Sprintf(format, args...))
}

func notConfigured(req *logical.Request) error {
	return badRequest("the engine is not configured; run: vault write %sconfig region=... access_key=... secret_key=...", mount(req))
}

func unknownKey(req *logical.Request, name string) error {
	return logical.CodedError(http.StatusNotFound, fmt.Sprintf("there is no key %q; to make it, run: vault write -f %skeys/%s", name, mount(req), name))
}

// ended gives an error of Vault's storage the status of a request that had ended: 500 would blame the storage.
func ended(ctx context.Context, err error) error {
	if _, ok := errors.AsType[logical.HTTPCodedError](err); ok || ctx.Err() == nil || errors.Is(err, logical.ErrReadOnly) {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return logical.CodedError(http.StatusGatewayTimeout, "there was no more time: "+err.Error())
	}
	return logical.CodedError(http.StatusServiceUnavailable, "the request was cancelled: "+err.Error())
}

// missing is the answer to a request for something that is not there. A node that may not write hears of changes late, so it
// leaves that answer to the node that writes: what it does not know may have been made a moment ago.
func (b *backend) missing(answer error) error {
	if !b.WriteSafeReplicationState() {
		return logical.ErrReadOnly
	}
	return answer
}

// A foreignError says that a ciphertext was made by another CMK than that of its key.
type foreignError struct{ requestID string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("the ciphertext was not made by this key (request id %s)", e.requestID)
}

// mount is where the engine is mounted, with a slash at its end.
func mount(req *logical.Request) string {
	if req.MountPoint == "" {
		return "alicloudkms/"
	}
	return req.MountPoint
}

// coded is what a failed request answers. It logs what is a fault of KMS.
func (b *backend) coded(req *logical.Request, err error) error {
	known := b.explain(req, err)
	if foreign, ok := errors.AsType[*foreignError](err); ok {
		b.Logger().Warn("refused to open a ciphertext of another key", "path", req.Path, "request_id", foreign.requestID)
	}
	if failed, ok := errors.AsType[*callError](err); ok {
		if coded, ok := errors.AsType[logical.HTTPCodedError](known); ok && coded.Code() >= http.StatusInternalServerError {
			b.Logger().Warn("a call to KMS failed", "operation", string(failed.op), "key", failed.key, "status", coded.Code(), "error", known.Error())
		}
	}
	return known
}

// explain is the one place where errors get their HTTP status. It returns a bare coded error, because Vault sees anything
// wrapped as 500. What is neither coded nor from KMS is left as it is: Vault knows its own errors by identity and text,
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
	status, text := failed.explain(req)
	if failed.done != "" {
		text = strings.TrimSuffix(text, ".") + ". " + failed.done
	}
	return logical.CodedError(status, strings.NewReplacer("{mount}", mount(req), "{key}", failed.key).Replace(text))
}

// explain returns the HTTP status of a failed call and what to tell the caller.
func (e *callError) explain(req *logical.Request) (status int, text string) {
	if missing, ok := errors.AsType[*client.CredentialsError](e.err); ok {
		return explainMissingCredentials(req, missing)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.err); ok {
		return e.explainRefusal(req, refused)
	}
	text = e.Error()
	if unreachable, ok := errors.AsType[*client.TransportError](e.err); ok {
		text = unreachable.Error() // It names the operation itself.
	}
	text += "."
	if advice := uncertain[e.op]; advice != "" && !e.unsent {
		text += " " + advice
	}
	switch {
	case errors.Is(e.err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, text
	case errors.Is(e.err, context.Canceled):
		return http.StatusServiceUnavailable, text
	default:
		return http.StatusBadGateway, text + " The engine's settings: vault read {mount}config"
	}
}

// explainMissingCredentials is explain for a call that did not run because there were no credentials. What KMS said before is shown by
// its code only.
func explainMissingCredentials(req *logical.Request, e *client.CredentialsError) (status int, text string) {
	if refused, ok := errors.AsType[*kmsapi.Error](e.Refusal); ok {
		text = fmt.Sprintf("%s: KMS refused the credentials: %s. There are no others: %s", e.Operation, refused.Code, e.Err)
	} else {
		text = e.Error()
	}
	text += ". Where they come from: vault read {mount}config"
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, text
	case errors.Is(e.Err, context.Canceled):
		return http.StatusServiceUnavailable, text
	case req.Path == configPath:
		return http.StatusBadRequest, text
	default:
		return http.StatusBadGateway, text
	}
}

// explainRefusal returns the HTTP status of a refusal and what to tell the caller. Refused credentials are the fault of whoever
// configured the engine: the caller of a config write, or nobody who calls now.
func (e *callError) explainRefusal(req *logical.Request, refused *kmsapi.Error) (status int, text string) {
	status = refusalStatus(refused)
	if refused.Kind().Unauthenticated() {
		status = http.StatusBadGateway
		if req.Path == configPath {
			status = http.StatusBadRequest
		}
	}
	text = fmt.Sprintf("%s: %s", e.op, advice.Describe(refused))
	hint := whatToDo.For(e.op, refused)
	if e.borrowed && refused.Kind().BlamesCredentials() {
		hint = borrowedAdvice
	}
	if hint != "" {
		text += ". " + hint
	}
	return status, text
}

// refusalStatus keeps the statuses that mean to the caller what they mean to the engine.
func refusalStatus(refused *kmsapi.Error) int {
	if refused.Kind() == kmsapi.KindThrottle {
		return http.StatusTooManyRequests // Alibaba Cloud's gateway says 400.
	}
	switch refused.HTTPStatus {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests:
		return refused.HTTPStatus
	default:
		return http.StatusBadGateway
	}
}
