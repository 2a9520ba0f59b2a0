package ram

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/cloudcall"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Codes of RAM that KMS does not have.
const (
	noAccessKey  kmsapi.Code = "EntityNotExist.User.AccessKey"
	limitOfKeys  kmsapi.Code = "LimitExceeded.User.AccessKey"
	noPermission kmsapi.Code = "NoPermission"
)

// An Error is a refusal by RAM, without its message, which may quote the request.
type Error struct {
	// Action is what was called, at the host Endpoint.
	Action, Endpoint string
	// Code is empty if something other than RAM answered.
	Code kmsapi.Code
	// RequestID identifies the request in Alibaba Cloud's records.
	RequestID string
	// HTTPStatus is the status of the answer.
	HTTPStatus int
}

func (c *Client) refused(action string, a *cloudcall.Answer) error {
	r := a.Refusal()
	return &Error{Action: action, Endpoint: c.url.Host, Code: r.Code, RequestID: r.RequestID, HTTPStatus: a.Status}
}

// Error has the action, the endpoint, the code and the request id.
func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s at %s was answered with HTTP %d, but no error of RAM; check the endpoint of RAM and the proxy",
			e.Action, e.Endpoint, e.HTTPStatus)
	}
	text := fmt.Sprintf("RAM at %s refused %s: %s", e.Endpoint, e.Action, e.Code)
	if e.RequestID != "" {
		text += fmt.Sprintf(" (request id %s)", e.RequestID)
	}
	return text
}

// IsDenied reports whether the user lacks the permission.
func (e *Error) IsDenied() bool {
	return e.Code == noPermission || strings.HasPrefix(string(e.Code), string(noPermission)+".") ||
		e.Code.Kind() == kmsapi.KindPermission
}

// IsOverLimit reports whether the user has as many access keys as it may have.
func (e *Error) IsOverLimit() bool { return e.Code == limitOfKeys }

// IsGone reports whether err says that the user has no such access key.
func IsGone(err error) bool {
	refused, ok := errors.AsType[*Error](err)
	return ok && refused.Code == noAccessKey
}

// A CallError means that RAM did not answer.
type CallError struct {
	// Action is what was called, at the host Endpoint.
	Action, Endpoint string
	// Err is the cause.
	Err error
}

func (c *Client) noAnswer(action string, err error) error {
	return &CallError{Action: action, Endpoint: c.url.Host, Err: err}
}

// Error has the action, the endpoint and the cause.
func (e *CallError) Error() string {
	return fmt.Sprintf("%s at %s failed: %v", e.Action, e.Endpoint, e.Err)
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// SurelyNotDone reports whether RAM certainly did not run a call that failed. A lost answer, an error inside RAM, and
// an answer from something else leave that open.
func SurelyNotDone(err error) bool {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Code != "" && refused.HTTPStatus < http.StatusInternalServerError
	}
	failed, ok := errors.AsType[*cloudcall.Error](err)
	return ok && failed.Unsent
}
