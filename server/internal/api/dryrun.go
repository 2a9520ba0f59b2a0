package api

import (
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// DryRunError is what a dry run is answered if the request itself would end with err. No operation that has a dry run
// changes anything, so the gate lets it run like any other, and drops what it returns.
//
// There are three published reasons. Refusals that do not depend on the request, such as throttling, stay as they are.
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
