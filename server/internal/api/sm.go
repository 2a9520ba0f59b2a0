package api

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// checkServed refuses a KeySpec that the service does not have, or not with its configuration. An existing CMK may have
// such a KeySpec: the configuration may have been different when it was made.
func (a *API) checkServed(spec string) error {
	switch {
	case !kmsapi.ServesKeySpec(spec):
		return unsupported("This service has no KeySpec %s.", spec)
	case kmsapi.NeedsSM(spec) && !a.sm:
		return unsupported("This service has KeySpec %s only with sm = true in its configuration.", spec)
	}
	return a.checkApproved(spec)
}

// checkWrap refuses a wrapping algorithm that the service does not have, or not with its configuration.
func (a *API) checkWrap(algorithm string) error {
	if err := a.checkServed(kmsapi.WrappingKeySpec(algorithm)); err != nil {
		return err
	}
	return a.checkApproved(algorithm)
}

// unsupported returns [kmsapi.ErrUnsupportedOperation] with the reason.
func unsupported(format string, args ...any) error {
	return kmsapi.ErrUnsupportedOperation.WithMessage(
		kmsapi.ErrUnsupportedOperation.Message + " " + fmt.Sprintf(format, args...))
}

// checkUsable refuses to let an operation of the data plane use the material of a CMK whose KeySpec is not served. A
// public key can always be read: it is not secret.
func (a *API) checkUsable(inv *Invocation, cmk *keyring.CMK) error {
	switch inv.Operation.Uses() {
	case kmsapi.AnyKey, kmsapi.KeyPair:
		return nil
	default:
		return a.checkServed(cmk.KeySpec)
	}
}
