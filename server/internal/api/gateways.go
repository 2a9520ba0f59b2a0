package api

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// served is find, but refuses a CMK that the gateway of the request does not serve or that the service can't use.
func (a *API) served(find finder) finder {
	return func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
		cmk, err := find(r, inv)
		if err != nil {
			return nil, err
		}
		if err := a.checkGateway(inv, cmk); err != nil {
			return nil, err
		}
		return cmk, a.checkUsable(inv, cmk)
	}
}

// checkGateway refuses data plane operations with a CMK that the gateway of the request does not serve.
func (a *API) checkGateway(inv *Invocation, cmk *keyring.CMK) error {
	switch {
	case inv.Operation.Plane() == kmsapi.ControlPlane:
		return nil
	case inv.Gateway != "" && inv.Gateway != cmk.InstanceID:
		return kmsapi.ErrKeyNotFound
	case cmk.Default:
		return kmsapi.ErrUnsupportedOperation // It is for Alibaba Cloud's own services.
	case cmk.InstanceID == "":
		return nil
	}
	instance, err := a.instance(inv.scope(), cmk.InstanceID)
	switch {
	case err != nil || !instance.isConnected():
		return kmsapi.ErrRejectedUnavailable
	case inv.Gateway == "" && !instance.HasInternetAccess():
		return kmsapi.ErrUnsupportedOperation
	}
	return nil
}
