package kmsapi_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestErrorsAreComparedByCode(t *testing.T) {
	received := &kmsapi.Error{Code: "Forbidden.KeyNotFound", HTTPStatus: 404, Message: "another sentence", RequestID: "r"}
	require.ErrorIs(t, received, kmsapi.ErrKeyNotFound)
	require.ErrorIs(t, fmt.Errorf("wrapped: %w", received), kmsapi.ErrKeyNotFound)
	require.NotErrorIs(t, received, kmsapi.ErrAliasNotFound)
	require.NotErrorIs(t, received, errors.New("Forbidden.KeyNotFound"))
	require.NotErrorIs(t, received, error(nil))
}

func TestErrorSaysAllInOneLine(t *testing.T) {
	e := &kmsapi.Error{Code: "Rejected.Disabled", HTTPStatus: 409, Message: "It is disabled."}
	require.Equal(t, "Rejected.Disabled: It is disabled. (HTTP 409)", e.Error())
	e.RequestID = "r-1"
	require.Equal(t, "Rejected.Disabled: It is disabled. (HTTP 409, request id r-1)", e.Error())
}

func TestCopiesLeaveTheReferencesErrorsAlone(t *testing.T) {
	before := *kmsapi.ErrInvalidParameter
	changed := kmsapi.ErrInvalidParameter.WithMessage("m")
	require.Equal(t, "m", changed.Message)
	require.ErrorIs(t, kmsapi.InvalidParameter("KeyId", "It must be short."), kmsapi.ErrInvalidParameter)
	require.Equal(t, `The specified parameter "KeyId" is not valid. It must be short.`,
		kmsapi.InvalidParameter("KeyId", "It must be short.").Message)
	require.Equal(t, `The specified parameter "KeyId" is not valid.`, kmsapi.InvalidParameter("KeyId", "").Message)
	require.Equal(t, `The parameter "KeyId" is needed but not provided.`, kmsapi.MissingParameter("KeyId").Message)
	require.Equal(t, before, *kmsapi.ErrInvalidParameter)
}

// The table of public error codes, §1.5, and further codes of KMS and the gateway.
func TestStatusOfEveryCode(t *testing.T) {
	for _, tc := range []struct {
		err    *kmsapi.Error
		code   kmsapi.Code
		status int
	}{
		{kmsapi.ErrInternalFailure, "InternalFailure", 500},
		{kmsapi.ErrServiceUnavailable, "ServiceUnavailableTemporary", 503},
		{kmsapi.ErrAccessKeyNotFound, "InvalidAccessKeyId.NotFound", 404},
		{kmsapi.ErrKeyNotFound, "Forbidden.KeyNotFound", 404},
		{kmsapi.ErrAliasNotFound, "Forbidden.AliasNotFound", 404},
		{kmsapi.ErrNoPermission, "Forbidden.NoPermission", 403},
		{kmsapi.ErrAccessKeyInactive, "Forbidden.AccessKey", 403},
		{kmsapi.ErrUnsupportedHTTPMethod, "UnsupportedHTTPMethod", 403},
		{kmsapi.ErrParseRequestParameter, "ParseRequestParameterException", 400},
		{kmsapi.ErrMissingParameter, "MissingParameter", 400},
		{kmsapi.ErrInvalidParameter, "InvalidParameter", 400},
		{kmsapi.ErrIncompleteSignature, "IncompleteSignature", 400},
		{kmsapi.ErrIllegalTimestamp, "IllegalTimestamp", 400},
		{kmsapi.ErrLimitExceeded, "Rejected.LimitExceeded", 400},
		{kmsapi.ErrAliasAlreadyExists, "AliasAlreadyExists", 400},
		{kmsapi.ErrInvalidKeyMaterial, "InvalidKeyMaterial", 400},
		{kmsapi.ErrInvalidImportToken, "InvalidImportToken", 400},
		{kmsapi.ErrExpiredImportToken, "ExpiredImportToken", 400},
		{kmsapi.ErrUnsupportedOrigin, "Unsupported.Origin", 400},
		{kmsapi.ErrUnsupportedAlias, "Unsupported.Alias", 400},
		{kmsapi.ErrStateModifiedFailed, "Rejected.StateModifiedFailed", 409},
		{kmsapi.ErrRejectedEnabled, "Rejected.Enabled", 409},
		{kmsapi.ErrRejectedDisabled, "Rejected.Disabled", 409},
		{kmsapi.ErrRejectedPendingDeletion, "Rejected.PendingDeletion", 409},
		{kmsapi.ErrRejectedPendingImport, "Rejected.PendingImport", 409},
		{kmsapi.ErrThrottling, "Rejected.Throttling", 429},
		{kmsapi.ErrSignatureNonceUsed, "SignatureNonceUsed", 400},
		{kmsapi.ErrInvalidSecurityTokenValue, "InvalidSecurityToken.Malformed", 400},
	} {
		require.Equal(t, tc.code, tc.err.Code)
		require.Equal(t, tc.status, tc.err.HTTPStatus, tc.code)
		require.NotEmpty(t, tc.err.Message, tc.code)
	}
}
