package kmsapi

import (
	"maps"
	"slices"
	"strings"
)

// Code is an error code of the reference's table of public error codes (§1.5) or of Alibaba Cloud's API gateway.
type Code string

// Kind says what is wrong, so that a program can react without a list of codes. [Code.Kind] returns it.
type Kind string

// The kinds of error.
const (
	// KindOther is a code that this package does not know.
	KindOther Kind = ""

	// KindAccessKeyUnknown: there is no such access key.
	KindAccessKeyUnknown Kind = "access key unknown"
	// KindAccessKeyDisabled: the access key exists but must not be used.
	KindAccessKeyDisabled Kind = "access key disabled"
	// KindSignature: the signature does not match, so the secret is wrong or the request was altered.
	KindSignature Kind = "signature"
	// KindSecurityToken: the security token is missing, expired, or belongs to another access key.
	KindSecurityToken Kind = "security token"
	// KindClock: the timestamp is too far from the server's clock.
	KindClock Kind = "clock"
	// KindNonce: the request was seen before.
	KindNonce Kind = "nonce"

	// KindPermission: RAM does not allow it.
	KindPermission Kind = "permission"
	// KindNotFound: there is no such key, alias or secret.
	KindNotFound Kind = "not found"
	// KindExists: the alias or secret already exists.
	KindExists Kind = "exists"
	// KindState: the state of the key, or of the secret, forbids it.
	KindState Kind = "state"
	// KindParameter: a parameter is missing or not valid.
	KindParameter Kind = "parameter"
	// KindUnsupported: the operation does not exist, or does not support this key.
	KindUnsupported Kind = "unsupported"
	// KindImport: the key material or its import token is not valid.
	KindImport Kind = "import"
	// KindQuota: the account has reached a quota.
	KindQuota Kind = "quota"
	// KindThrottle: too many requests. KMS did not act on this one.
	KindThrottle Kind = "throttle"
	// KindTemporary: KMS failed, and may succeed the next time.
	KindTemporary Kind = "temporary"
	// KindDryRun: nothing is wrong; the request was a dry run.
	KindDryRun Kind = "dry run"
)

// BlamesCredentials reports whether the access key, its secret or its security token is at fault. Other credentials may
// help.
func (k Kind) BlamesCredentials() bool {
	return k == KindAccessKeyUnknown || k == KindAccessKeyDisabled || k == KindSignature || k == KindSecurityToken
}

// Unauthenticated reports whether KMS refused the request before it knew the caller, because of the credentials, the
// clock or the nonce. KMS then did nothing, and its message may quote the string that was signed.
func (k Kind) Unauthenticated() bool {
	return k.BlamesCredentials() || k == KindClock || k == KindNonce
}

// Kind returns what is wrong. A code that has no row of its own has the kind of its family: Throttling.User is a
// Throttling.
func (c Code) Kind() Kind {
	if row, known := codes[c]; known {
		return row.kind
	}
	family, _, _ := strings.Cut(string(c), ".")
	if row := codes[Code(family)]; row.family {
		return row.kind
	}
	return KindOther
}

// Codes returns every code that has a row, in order.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// Kind returns what is wrong.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// Errors returns the errors that have a published message, in the order of their codes. Each has an Err value.
func Errors() (all []*Error) {
	for _, code := range Codes() {
		if err := codes[code].err; err != nil {
			all = append(all, err)
		}
	}
	return all
}

// A codeRow is all that is known about one error code.
type codeRow struct {
	kind Kind
	// err has the status and the message, and is nil if none is published.
	err *Error
	// family says that the row also stands for every code that begins with this one and a dot.
	family bool
}

// codes has a row for each code. Listed here are codes that a client meets but the service never returns: those of the
// API gateway and of dedicated gateways. refusal adds all others while the package's variables are initialized; after
// that, nothing changes it.
var codes = map[Code]codeRow{
	"InvalidAccessKeyId":          {kind: KindAccessKeyUnknown},
	"InvalidAccessKeyId.Inactive": {kind: KindAccessKeyDisabled},
	"SignatureDoesNotMatch":       {kind: KindSignature},
	"InvalidAccessKeySecret":      {kind: KindSignature},
	"InvalidTimeStamp":            {kind: KindClock, family: true},
	"RequestTimeTooSkewed":        {kind: KindClock},
	"Throttling":                  {kind: KindThrottle, family: true},
}

// refusal adds a row to codes for an error of the given HTTP status, and returns the error with the reference's
// message.
func refusal(code Code, status int, kind Kind, message string) *Error {
	err := &Error{Code: code, HTTPStatus: status, Message: message}
	codes[code] = codeRow{kind: kind, err: err}
	return err
}

// The errors of the reference (§1.5), each with its code, status, kind and message. They are compared and copied, never
// changed.
var (
	ErrInternalFailure    = refusal("InternalFailure", 500, KindTemporary, "Internal Failure.")
	ErrServiceUnavailable = refusal("ServiceUnavailableTemporary", 503, KindTemporary, "Service Unavailable Temporary.")
	ErrThrottling         = refusal("Rejected.Throttling", 429, KindThrottle, "QPS Limit Exceeded.")

	ErrAccessKeyNotFound = refusal("InvalidAccessKeyId.NotFound", 404, KindAccessKeyUnknown,
		"The AccessKey ID provided does not exist in our records.")
	ErrAccessKeyInactive = refusal("Forbidden.AccessKey", 403, KindAccessKeyDisabled,
		"This AccessKey is not enabled.")
	ErrIncompleteSignature = refusal("IncompleteSignature", 400, KindSignature,
		"The request signature does not conform to Alibaba Cloud standards.")
	ErrIllegalTimestamp = refusal("IllegalTimestamp", 400, KindClock,
		`The input parameter "Timestamp" that is required for processing this request is not supplied.`)
	ErrSignatureNonceUsed = refusal("SignatureNonceUsed", 400, KindNonce,
		"Specified signature nonce was used already.")
	ErrInvalidSecurityTokenValue = refusal("InvalidSecurityToken.Malformed", 400, KindSecurityToken,
		"The specified security token is malformed.")

	ErrNoPermission = refusal("Forbidden.NoPermission", 403, KindPermission,
		"This operation is forbidden by permission system.")
	ErrKeyNotFound   = refusal("Forbidden.KeyNotFound", 404, KindNotFound, "The specified Key is not found.")
	ErrAliasNotFound = refusal("Forbidden.AliasNotFound", 404, KindNotFound, "The specified Alias is not found.")

	ErrUnsupportedHTTPMethod = refusal("UnsupportedHTTPMethod", 403, KindParameter,
		"This http method is not supported.")
	ErrParseRequestParameter = refusal("ParseRequestParameterException", 400, KindParameter,
		"Server parse parameters exception. Please check your input params.")
	ErrMissingParameter = refusal("MissingParameter", 400, KindParameter,
		"A parameter is needed but not provided.")
	ErrInvalidParameter  = refusal("InvalidParameter", 400, KindParameter, "A specified parameter is not valid.")
	ErrUnsupportedOrigin = refusal("Unsupported.Origin", 400, KindUnsupported,
		"This key origin is not valid for this api.")
	ErrUnsupportedAlias = refusal("Unsupported.Alias", 400, KindUnsupported, "Alias is not valid for this api.")

	ErrLimitExceeded = refusal("Rejected.LimitExceeded", 400, KindQuota,
		"The request was rejected because user create resource limit was exceeded.")
	ErrAliasAlreadyExists = refusal("AliasAlreadyExists", 400, KindExists, "AliasName Already Exists.")

	ErrInvalidKeyMaterial = refusal("InvalidKeyMaterial", 400, KindImport, "key material is invalid.")
	ErrInvalidImportToken = refusal("InvalidImportToken", 400, KindImport, "import token is invalid.")
	ErrExpiredImportToken = refusal("ExpiredImportToken", 400, KindImport, "import token is expired.")

	ErrStateModifiedFailed = refusal("Rejected.StateModifiedFailed", 409, KindState, "Keystate modified failed.")
	ErrRejectedEnabled     = refusal("Rejected.Enabled", 409, KindState,
		"The request was rejected because the key state is Enabled.")
	ErrRejectedDisabled = refusal("Rejected.Disabled", 409, KindState,
		"The request was rejected because the key state is Disabled.")
	ErrRejectedPendingDeletion = refusal("Rejected.PendingDeletion", 409, KindState,
		"The request was rejected because the key state is PendingDeletion.")
	ErrRejectedPendingImport = refusal("Rejected.PendingImport", 409, KindState,
		"The request was rejected because the key state is PendingImport.")
)

// The errors of KMS instances and their gateways. GetKmsInstance, CreateKey and the pages of the gateways list them.
var (
	ErrInstanceNotFound = refusal("Forbidden.DKMSInstanceNotFound", 403, KindNotFound,
		"The specified DKMS Instance is not found.")
	ErrInstanceStateInvalid = refusal("Forbidden.DKMSInstanceStateInvalid", 400, KindState,
		"The status of the specified DKMS Instance is invalid.")
	ErrRejectedUnavailable = refusal("Rejected.Unavailable", 409, KindState,
		"The request was rejected because the key state is Unavailable.")
	ErrResourceNotFound     = refusal("Forbidden.ResourceNotFound", 404, KindNotFound, "Resource not found.")
	ErrUnsupportedOperation = refusal("UnsupportedOperation", 400, KindUnsupported, "This action is not supported.")
	// ErrKeyVersionNotFound says that the key exists but has no such version.
	ErrKeyVersionNotFound = refusal("Forbidden.KeyVersionNotFound", 404, KindNotFound,
		"The specified Key version is not found.")
	// ErrRejectedUnsupportedOperation says that keys of this kind can't be rotated.
	ErrRejectedUnsupportedOperation = refusal("Rejected.UnsupportedOperation", 400, KindUnsupported,
		"Unsupported operation.")
	ErrInvalidAPIName = refusal("InvalidApiName", 400, KindUnsupported, "The ApiName is invalid.")
)

// The errors of secrets.
var (
	ErrResourceExists         = refusal("Rejected.ResourceExist", 409, KindExists, "The resource already exists.")
	ErrResourceInDeleteWindow = refusal("Rejected.ResourceInDeleteWindow", 409, KindState,
		"The secret is planned to be deleted.")
	// ErrResourceInUse says that a secret is not scheduled for deletion, so there is nothing to restore.
	ErrResourceInUse = refusal("Rejected.ResourceInUse", 409, KindState, "restore normal secret")
)

// The errors of dry runs: the answers to DryRun=true in place of a result.
var (
	// ErrDryRunOperation says that the request would have succeeded.
	ErrDryRunOperation = refusal("DryRunOperationError", 400, KindDryRun,
		"The request would have succeeded if the DryRun parameter was not specified.")
	// ErrValidation says that the request would have been refused because of its parameters.
	ErrValidation = refusal("ValidationError", 400, KindParameter,
		"The parameters specified in the request are invalid.")
	// ErrAccessDenied says that the caller lacks the permission.
	ErrAccessDenied = refusal("AccessDeniedError", 403, KindPermission,
		"You are not authorized to perform this operation on the KMS resource.")
)

// The errors of Alibaba Cloud's API gateway that the service returns too. They are not in the reference.
var (
	ErrActionNotFound = refusal("InvalidAction.NotFound", 404, KindUnsupported,
		"Specified api is not found, please check your url and method.")
	ErrMissingSecurityToken = refusal("MissingSecurityToken", 400, KindSecurityToken,
		"SecurityToken is mandatory for this action, since the AccessKey is a temporary one.")
	ErrSecurityTokenMismatch = refusal("InvalidSecurityToken.MismatchWithAccessKey", 400, KindSecurityToken,
		"The specified security token does not belong to the AccessKey.")
	ErrSecurityTokenExpired = refusal("InvalidSecurityToken.Expired", 400, KindSecurityToken,
		"The specified security token has expired.")
)
