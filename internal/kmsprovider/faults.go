package kmsprovider

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// codeOf returns the gRPC code of an error, which the API server counts in its metrics.
func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	if refused, ok := errors.AsType[*Refusal](err); ok {
		return refused.Code
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	}
	if missing, ok := errors.AsType[*client.CredentialsError](err); ok && missing != nil {
		return codes.Unauthenticated
	}
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		return codeOfKMS(refused.Kind())
	}
	if refused, ok := errors.AsType[*api.ResponseError](err); ok {
		return codeOfVault(refused.StatusCode)
	}
	return codes.Unavailable
}

func codeOfKMS(kind kmsapi.Kind) codes.Code {
	switch {
	case kind.Unauthenticated():
		return codes.Unauthenticated
	case kind == kmsapi.KindPermission:
		return codes.PermissionDenied
	case kind == kmsapi.KindThrottle:
		return codes.ResourceExhausted
	case kind == kmsapi.KindParameter:
		return codes.InvalidArgument
	case kind == kmsapi.KindTemporary:
		return codes.Unavailable
	default:
		return codes.FailedPrecondition
	}
}

func codeOfVault(httpStatus int) codes.Code {
	switch {
	case httpStatus == http.StatusForbidden:
		return codes.PermissionDenied
	case httpStatus == http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case httpStatus == http.StatusBadRequest:
		return codes.InvalidArgument
	case httpStatus >= http.StatusInternalServerError:
		return codes.Unavailable
	default:
		return codes.FailedPrecondition
	}
}

// oneLine is the message of an error in one line that is safe to print.
func oneLine(err error) string {
	return printable.Text(strings.Join(strings.Fields(err.Error()), " "))
}

// onTheWire returns what the API server gets for an error.
func onTheWire(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(codeOf(err), oneLine(err))
}
