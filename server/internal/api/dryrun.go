package api

import (
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// DryRunError returns the answer to a dry run of a request that would end with err. No operation that supports dry runs
// changes anything, so the gate runs it like any other, and drops the response.
//
// The API reference lists three reasons. Refusals that do not depend on the request, such as throttling, are returned
// unchanged.
func DryRunError(err error) error {
	if err == nil {
		return kmsapi.ErrDryRunOperation
	}
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if !ok {
		return err
	}
	switch refused.Kind() {
	case kmsapi.KindThrottle, kmsapi.KindTemporary:
		return err
	case kmsapi.KindPermission:
		return because(kmsapi.ErrAccessDenied, refused)
	default:
		return because(kmsapi.ErrValidation, refused)
	}
}

func because(reason, refused *kmsapi.Error) error {
	return reason.WithMessage(reason.Message + " " + string(refused.Code) + ": " + refused.Message)
}
