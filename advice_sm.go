package alicloudkms

import (
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// smAdvice returns the advice that takes precedence over all other if the call is about SM2 or SM4.
func (e *callError) smAdvice(op kmsapi.Operation, refused *kmsapi.Error) string {
	if !e.sm {
		return ""
	}
	return forSM.For(op, refused)
}

// withSM notes that a failed call is about SM2 or SM4 if keySpec, of a key or a wrapping key, says so.
func withSM(err error, keySpec string) error {
	if failed, ok := errors.AsType[*callError](err); ok && kmsapi.NeedsSM(keySpec) {
		failed.sm = true
	}
	return err
}
