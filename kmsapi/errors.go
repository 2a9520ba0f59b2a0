package kmsapi

import (
	"fmt"
	"net/http"
)

// Code is an error code of the reference's table of public error codes (§1.5) or of Alibaba Cloud's API gateway.
type Code string

// An Error is a refusal by KMS, as it stands on the wire. Compare with [errors.Is] and one of the Err values: two errors
// are the same if their codes are.
type Error struct {
	// Code is the error code. It is never empty.
	Code Code
	// HTTPStatus is the status of the answer.
	HTTPStatus int
	// Message says what is wrong, in English.
	Message string
	// RequestID names the request in KMS's records, and is empty if there was none.
	RequestID string
	// HostID is the host that was asked, and is mostly empty.
	HostID string
}

// Error gives code, message, status and request id in one line.
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

// WithMessage returns a copy of e that says message instead of the reference's sentence.
func (e *Error) WithMessage(message string) *Error {
	changed := *e
	changed.Message = message
	return &changed
}

// The errors of the reference (§1.5), each with its code, status and sentence. They are compared and copied, never changed.
var (
	ErrInternalFailure           = &Error{Code: "InternalFailure", HTTPStatus: http.StatusInternalServerError, Message: "Internal Failure."}
	ErrServiceUnavailable        = &Error{Code: "ServiceUnavailableTemporary", HTTPStatus: http.StatusServiceUnavailable, Message: "Service Unavailable Temporary."}
	ErrAccessKeyNotFound         = &Error{Code: "InvalidAccessKeyId.NotFound", HTTPStatus: http.StatusNotFound, Message: "The AccessKey ID provided does not exist in our records."}
	ErrKeyNotFound               = &Error{Code: "Forbidden.KeyNotFound", HTTPStatus: http.StatusNotFound, Message: "The specified Key is not found."}
	ErrAliasNotFound             = &Error{Code: "Forbidden.AliasNotFound", HTTPStatus: http.StatusNotFound, Message: "The specified Alias is not found."}
	ErrNoPermission              = &Error{Code: "Forbidden.NoPermission", HTTPStatus: http.StatusForbidden, Message: "This operation is forbidden by permission system."}
	ErrAccessKeyInactive         = &Error{Code: "Forbidden.AccessKey", HTTPStatus: http.StatusForbidden, Message: "This AccessKey is not enabled."}
	ErrUnsupportedHTTPMethod     = &Error{Code: "UnsupportedHTTPMethod", HTTPStatus: http.StatusForbidden, Message: "This http method is not supported."}
	ErrParseRequestParameter     = &Error{Code: "ParseRequestParameterException", HTTPStatus: http.StatusBadRequest, Message: "Server parse parameters exception. Please check your input params."}
	ErrMissingParameter          = &Error{Code: "MissingParameter", HTTPStatus: http.StatusBadRequest, Message: "A parameter is needed but not provided."}
	ErrInvalidParameter          = &Error{Code: "InvalidParameter", HTTPStatus: http.StatusBadRequest, Message: "A specified parameter is not valid."}
	ErrIncompleteSignature       = &Error{Code: "IncompleteSignature", HTTPStatus: http.StatusBadRequest, Message: "The request signature does not conform to Alibaba Cloud standards."}
	ErrIllegalTimestamp          = &Error{Code: "IllegalTimestamp", HTTPStatus: http.StatusBadRequest, Message: `The input parameter "Timestamp" that is required for processing this request is not supplied.`}
	ErrLimitExceeded             = &Error{Code: "Rejected.LimitExceeded", HTTPStatus: http.StatusBadRequest, Message: "The request was rejected because user create resource limit was exceeded."}
	ErrAliasAlreadyExists        = &Error{Code: "AliasAlreadyExists", HTTPStatus: http.StatusBadRequest, Message: "AliasName Already Exists."}
	ErrInvalidKeyMaterial        = &Error{Code: "InvalidKeyMaterial", HTTPStatus: http.StatusBadRequest, Message: "key material is invalid."}
	ErrInvalidImportToken        = &Error{Code: "InvalidImportToken", HTTPStatus: http.StatusBadRequest, Message: "import token is invalid."}
	ErrExpiredImportToken        = &Error{Code: "ExpiredImportToken", HTTPStatus: http.StatusBadRequest, Message: "import token is expired."}
	ErrUnsupportedOrigin         = &Error{Code: "Unsupported.Origin", HTTPStatus: http.StatusBadRequest, Message: "This key origin is not valid for this api."}
	ErrUnsupportedAlias          = &Error{Code: "Unsupported.Alias", HTTPStatus: http.StatusBadRequest, Message: "Alias is not valid for this api."}
	ErrStateModifiedFailed       = &Error{Code: "Rejected.StateModifiedFailed", HTTPStatus: http.StatusConflict, Message: "Keystate modified failed."}
	ErrRejectedEnabled           = &Error{Code: "Rejected.Enabled", HTTPStatus: http.StatusConflict, Message: "The request was rejected because the key state is Enabled."}
	ErrRejectedDisabled          = &Error{Code: "Rejected.Disabled", HTTPStatus: http.StatusConflict, Message: "The request was rejected because the key state is Disabled."}
	ErrRejectedPendingDeletion   = &Error{Code: "Rejected.PendingDeletion", HTTPStatus: http.StatusConflict, Message: "The request was rejected because the key state is PendingDeletion."}
	ErrRejectedPendingImport     = &Error{Code: "Rejected.PendingImport", HTTPStatus: http.StatusConflict, Message: "The request was rejected because the key state is PendingImport."}
	ErrThrottling                = &Error{Code: "Rejected.Throttling", HTTPStatus: http.StatusTooManyRequests, Message: "QPS Limit Exceeded."}
	ErrSignatureNonceUsed        = &Error{Code: "SignatureNonceUsed", HTTPStatus: http.StatusBadRequest, Message: "Specified signature nonce was used already."}
	ErrInvalidSecurityTokenValue = &Error{Code: "InvalidSecurityToken.Malformed", HTTPStatus: http.StatusBadRequest, Message: "The specified security token is malformed."}
)

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

// An ErrorResponse is the body of a refusal (§1.5). It carries what KMS itself sends and what Alibaba Cloud's gateway
// sends, since SDKs read either.
type ErrorResponse struct {
	HttpStatus int
	Code       Code
	Message    string
	RequestId  string
	HostId     string
}
