package api

import (
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// unapproved are the KeySpecs and algorithms that FIPS 140-3 does not approve, or not for how the service would use
// them: OAEP with SHA-1 and PKCS#1 v1.5 would encrypt keys. Signatures with PKCS#1 v1.5 are approved.
var unapproved = []string{
	kmsapi.KeySpecP256K, kmsapi.KeySpecSM2, kmsapi.KeySpecSM4, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15,
}

// checkApproved refuses a KeySpec or an algorithm that is not approved, if the service is restricted to approved ones.
func (a *API) checkApproved(names ...string) error {
	if !a.fips {
		return nil
	}
	for _, name := range names {
		if slices.Contains(unapproved, name) {
			return kmsapi.ErrUnsupportedOperation.WithMessage(fmt.Sprintf(
				"%s %s is not approved by FIPS 140-3, and this service uses nothing else.",
				kmsapi.ErrUnsupportedOperation.Message, name))
		}
	}
	return nil
}
