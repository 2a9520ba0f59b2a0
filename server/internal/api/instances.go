package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Instance is a KMS instance, with the defaults of its fields.
type Instance struct {
	config.Instance
	// CACertificates is what is in CACertFile.
	CACertificates string
}

// Instances are KMS instances, in the order of their ids.
type Instances []Instance

// SetInstances replaces the KMS instances that the API knows.
func (a *API) SetInstances(all Instances) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(x, y Instance) int { return cmp.Compare(x.ID, y.ID) })
	a.instances.Store(&all)
}

// instancesOf returns the KMS instances that belong to a scope.
func (a *API) instancesOf(scope keyring.Scope) Instances {
	return slices.DeleteFunc(slices.Clone(*a.instances.Load()), func(i Instance) bool {
		return i.Account != scope.Account || i.Region != scope.Region
	})
}

// instance returns the KMS instance of a scope that is called id.
func (a *API) instance(scope keyring.Scope, id string) (Instance, error) {
	for _, i := range *a.instances.Load() {
		if i.ID == id && i.Account == scope.Account && i.Region == scope.Region {
			return i, nil
		}
	}
	return Instance{}, kmsapi.ErrInstanceNotFound
}

// defaultInstance returns the id of the default instance of a scope, and "" if it has none.
func (a *API) defaultInstance(scope keyring.Scope) string {
	for _, i := range a.instancesOf(scope) {
		if i.Default {
			return i.ID
		}
	}
	return ""
}

func (i Instance) isConnected() bool { return i.Status == string(kmsapi.InstanceConnected) }

// imageForImports is the first version of a software instance's image whose keys can have imported material.
const imageForImports = 3

// takes returns nil if a CMK of that origin can be made in the instance.
func (i Instance) takes(origin kmsapi.Origin) error {
	switch {
	case !i.isConnected():
		return kmsapi.ErrInstanceStateInvalid
	case origin == kmsapi.OriginExternal && i.Kind == config.KindSoftware && i.ImageMajor() < imageForImports:
		return kmsapi.ErrUnsupportedOperation
	}
	return nil
}

// protectionLevel is that of all keys in the instance.
func (i Instance) protectionLevel() kmsapi.ProtectionLevel {
	if i.Kind == config.KindHardware {
		return kmsapi.ProtectionHSM
	}
	return kmsapi.ProtectionSoftware
}

// served is find for a CMK that the gateway of the request serves.
func (a *API) served(find finder) finder {
	return func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
		cmk, err := find(r, inv)
		if err != nil {
			return nil, err
		}
		return cmk, a.checkGateway(inv, cmk)
	}
}

// checkGateway refuses to encrypt and decrypt with a CMK that the gateway of the request does not serve.
func (a *API) checkGateway(inv *Invocation, cmk *keyring.CMK) error {
	switch {
	case inv.Operation.Plane() != kmsapi.DataPlane:
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

// getKmsInstance returns the details of a KMS instance.
func (a *API) getKmsInstance(
	_ context.Context, inv *Invocation, r *kmsapi.GetKmsInstanceRequest,
) (*kmsapi.GetKmsInstanceResponse, error) {
	i, err := a.instance(inv.scope(), r.KmsInstanceId)
	if err != nil {
		return nil, err
	}
	inv.InstanceID = i.ID
	return &kmsapi.GetKmsInstanceResponse{KmsInstance: kmsapi.InstanceDetails{
		InstanceId: i.ID, InstanceName: i.ID, Status: kmsapi.InstanceStatus(i.Status),
		CaCertificateChainPem: i.CACertificates, Spec: i.Spec, KeyNum: a.instanceQuota(), SecretNum: "0", VpcNum: 1,
	}}, nil
}

// unlimitedKeys is how many CMKs an instance is said to have room for if there is no quota.
const unlimitedKeys = 1_000_000

func (a *API) instanceQuota() int {
	if a.quotas.Keys == config.Unlimited {
		return unlimitedKeys
	}
	return a.quotas.Keys
}

// listKmsInstances returns a page of the KMS instances of the account and region, in the order of their ids.
func (a *API) listKmsInstances(
	_ context.Context, inv *Invocation, r *kmsapi.ListKmsInstancesRequest,
) (*kmsapi.ListKmsInstancesResponse, error) {
	all := a.instancesOf(inv.scope())
	resp := &kmsapi.ListKmsInstancesResponse{
		KmsInstances: kmsapi.InstanceList{KmsInstance: []kmsapi.InstanceEntry{}},
		PageNumber:   r.PageNumber, PageSize: r.PageSize, TotalCount: len(all),
	}
	if r.PageNumber > len(all)/r.PageSize+1 { // Its beginning may be more than an int can hold.
		return resp, nil
	}
	first := min((r.PageNumber-1)*r.PageSize, len(all))
	for _, i := range all[first:min(first+r.PageSize, len(all))] {
		resp.KmsInstances.KmsInstance = append(resp.KmsInstances.KmsInstance,
			kmsapi.InstanceEntry{KmsInstanceId: i.ID, KmsInstanceArn: inv.arn("keystore/" + i.ID)})
	}
	return resp, nil
}

// getDefaultKmsInstance says where CreateKey makes a key that names no instance.
func (a *API) getDefaultKmsInstance(
	_ context.Context, inv *Invocation, _ *kmsapi.GetDefaultKmsInstanceRequest,
) (*kmsapi.GetDefaultKmsInstanceResponse, error) {
	return &kmsapi.GetDefaultKmsInstanceResponse{DefaultKmsInstanceId: a.defaultInstance(inv.scope())}, nil
}
