package kmsapi

import "fmt"

// An Error is a refusal by KMS, in its wire form. Compare with [errors.Is] and one of the Err values: two errors are
// the same if their codes are.
type Error struct {
	// Code is the error code. It is never empty.
	Code Code
	// HTTPStatus is the status of the answer.
	HTTPStatus int
	// Message says what is wrong, in English.
	Message string
	// RequestID names the request in KMS's records. It is empty if the answer had none.
	RequestID string
	// HostID is the host that was called. It is usually empty.
	HostID string
}

// Error returns code, message, status and request id in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s (HTTP %d", e.Code, e.Message, e.HTTPStatus)
	if e.RequestID != "" {
		text += ", request id " + e.RequestID
	}
	return text + ")"
}

// Is reports whether target is an *Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// WithMessage returns a copy of e with message in place of the reference's.
func (e *Error) WithMessage(message string) *Error {
	changed := *e
	changed.Message = message
	return &changed
}

// MissingParameter is [ErrMissingParameter] for the parameter called name.
func MissingParameter(name string) *Error {
	return ErrMissingParameter.WithMessage(fmt.Sprintf("The parameter %q is needed but not provided.", name))
}

// InvalidParameter is [ErrInvalidParameter] for the parameter called name. hint, a whole sentence, says what would be
// valid; it may be empty and must not quote the value.
func InvalidParameter(name, hint string) *Error {
	message := fmt.Sprintf("The specified parameter %q is not valid.", name)
	if hint != "" {
		message += " " + hint
	}
	return ErrInvalidParameter.WithMessage(message)
}

// An ErrorResponse is the body of a refusal (§1.5). It has the fields of KMS itself and those of Alibaba Cloud's
// gateway, since SDKs read either.
type ErrorResponse struct {
	HttpStatus int
	Code       Code
	Message    string
	RequestId  string
	HostId     string
}
