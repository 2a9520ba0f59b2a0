// Package refusal makes the errors that a request is refused with. Each is a bare [logical.HTTPCodedError], since Vault
// answers 500 to a coded error that is wrapped.
package refusal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
)

// BadRequest is an error with status 400: the request itself is wrong.
func BadRequest(format string, args ...any) error {
	return coded(http.StatusBadRequest, format, args)
}

// Forbidden is an error with status 403: what the request names is not the caller's to use.
func Forbidden(format string, args ...any) error {
	return coded(http.StatusForbidden, format, args)
}

// NotFound is an error with status 404: what the request names does not exist.
func NotFound(format string, args ...any) error {
	return coded(http.StatusNotFound, format, args)
}

// NotAllowed is an error with status 405: what the request names can't be read, or written, and so on.
func NotAllowed(format string, args ...any) error {
	return coded(http.StatusMethodNotAllowed, format, args)
}

// Conflict is an error with status 409: the request is fine, but the current state forbids it.
func Conflict(format string, args ...any) error {
	return coded(http.StatusConflict, format, args)
}

// TooManyRequests is an error with status 429: the same request may succeed when there are fewer others.
func TooManyRequests(format string, args ...any) error {
	return coded(http.StatusTooManyRequests, format, args)
}

// Internal is an error with status 500.
func Internal(format string, args ...any) error {
	return coded(http.StatusInternalServerError, format, args)
}

// BadGateway is an error with status 502: KMS answers in a way that can't be right.
func BadGateway(format string, args ...any) error {
	return coded(http.StatusBadGateway, format, args)
}

// Unavailable is an error with status 503: the same request may succeed later.
func Unavailable(format string, args ...any) error {
	return coded(http.StatusServiceUnavailable, format, args)
}

func coded(status int, format string, args []any) error {
	return logical.CodedError(status, fmt.Sprintf(format, args...))
}

// Also returns err with one more sentence if it has a status, and any other error as it is.
func Also(err error, sentence string) error {
	known, ok := errors.AsType[logical.HTTPCodedError](err)
	if !ok {
		return err
	}
	return logical.CodedError(known.Code(), Sentences(known.Error(), sentence))
}

// Status returns the status of an error, and 500 for one without.
func Status(err error) int {
	if coded, ok := errors.AsType[logical.HTTPCodedError](err); ok {
		return coded.Code()
	}
	return http.StatusInternalServerError
}

// Advice fills in advice: {mount} stands for the path of the mount, with a slash at its end, and {key} for the name of
// a key.
func Advice(advice, mount, key string) string {
	return strings.NewReplacer("{mount}", mount, "{key}", key).Replace(advice)
}

// Sentences joins the parts of a message that are not empty. Each may end with a full stop or without, or ask.
func Sentences(parts ...string) string {
	var message strings.Builder
	for _, part := range parts {
		if part == "" {
			continue
		}
		if so := message.String(); so != "" && !strings.HasSuffix(so, ".") && !strings.HasSuffix(so, "?") {
			message.WriteString(".")
		}
		if message.Len() > 0 {
			message.WriteString(" ")
		}
		message.WriteString(part)
	}
	return message.String()
}
