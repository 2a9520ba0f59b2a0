package api

import (
	"cmp"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Instance is a KMS instance with defaults filled in.
type Instance struct {
	config.Instance
	// CACertificates is the content of CACertFile.
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
	return slices.DeleteFunc(slices.Clone(*a.instances.Load()), func(i Instance) bool { return i.scope() != scope })
}

// instance returns the KMS instance of a scope that is called id.
func (a *API) instance(scope keyring.Scope, id string) (Instance, error) {
	for _, i := range *a.instances.Load() {
		if i.ID == id && i.scope() == scope {
			return i, nil
		}
	}
	return Instance{}, kmsapi.ErrInstanceNotFound
}

// defaultInstance returns the id of the default instance of a scope, or "" if it has none.
func (a *API) defaultInstance(scope keyring.Scope) string {
	for _, i := range a.instancesOf(scope) {
		if i.Default {
			return i.ID
		}
	}
	return ""
}

// scope returns the account and region that the instance belongs to.
func (i Instance) scope() keyring.Scope { return keyring.Scope{Account: i.Account, Region: i.Region} }

func (i Instance) isConnected() bool { return i.Status == string(kmsapi.InstanceConnected) }

// imageForImports is the first version of a software instance's image whose keys can have imported material.
const imageForImports = 3

// takes returns nil if a CMK with that origin can be made in the instance.
func (i Instance) takes(origin kmsapi.Origin) error {
	switch {
	case !i.isConnected():
		return kmsapi.ErrInstanceStateInvalid
	case origin == kmsapi.OriginExternal && i.Kind == config.KindSoftware && i.ImageMajor() < imageForImports:
		return kmsapi.ErrUnsupportedOperation
	}
	return nil
}

// protectionLevel returns the protection level of all keys in the instance.
func (i Instance) protectionLevel() kmsapi.ProtectionLevel {
	if i.Kind == config.KindHardware {
		return kmsapi.ProtectionHSM
	}
	return kmsapi.ProtectionSoftware
}
