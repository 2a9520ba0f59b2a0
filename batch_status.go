package alicloudkms

import (
	"errors"
	"net/http"
)

// A statusRule returns the HTTP status of a batch, some of whose items failed.
type statusRule func(failed *batchFailures, items int) int

// statusOfFailures is transit's rule for encrypt, decrypt, rewrap and data keys.
func statusOfFailures(failed *batchFailures, _ int) int { return failed.status() }

// statusOfResults is transit's rule for sign, hmac and verify: 200, since each result reports on its own item. But a
// failure that no item caused fails the request, as in transit, unless there is a result to lose.
func statusOfResults(failed *batchFailures, items int) int {
	if failed.ofRequest && failed.count == items {
		return failed.status()
	}
	return http.StatusOK
}

// An optionError is about the key, or about a parameter that applies to all items of a request.
type optionError struct{ err error }

func (e *optionError) Error() string { return e.err.Error() }
func (e *optionError) Unwrap() error { return e.err }

// ofOptions marks an error as an optionError. It returns nil for nil.
func ofOptions(err error) error {
	if err == nil {
		return nil
	}
	return &optionError{err}
}

// isOfItem reports whether a failure with a status is about its item alone: a refusal or failure of KMS is not.
func isOfItem(err error, status int) bool {
	_, ofOptions := errors.AsType[*optionError](err)
	_, ofKMS := errors.AsType[*callError](err)
	return status == http.StatusBadRequest && !ofOptions && !ofKMS
}
