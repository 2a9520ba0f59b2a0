package client

import (
	"cmp"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An Instance is the dedicated gateway of a KMS instance. The CA that signs the certificates of dedicated gateways is
// common to all customers of a region, so only the host name in the certificate distinguishes instances, and it is
// always checked.
type Instance struct {
	// Endpoint is the address of the gateway, in the form of [Config.Endpoint]. Empty means [kmsapi.InstanceHost] of
	// the instance.
	Endpoint string
	// CACert holds the PEM certificates to trust: the file that the console offers for the instance, or
	// CaCertificateChainPem of GetKmsInstance. It is required.
	CACert string
	// TLSServerName is the host name that the server's certificate must have. Empty means [kmsapi.InstanceHost] of the
	// instance.
	TLSServerName string
}

var (
	errNoInstanceID = errors.New("has an instance whose id is empty")
	errNoInstanceCA = errors.New("is missing; no public authority signs the certificates of dedicated gateways")
)

func (i Instance) gateway(cfg *Config, id string) (*gateway, error) {
	if id == "" {
		return nil, &ConfigError{Field: "Instances", Err: errNoInstanceID}
	}
	if i.CACert == "" {
		return nil, &ConfigError{Field: "CACert", Instance: id, Err: errNoInstanceCA}
	}
	host := kmsapi.InstanceHost(id)
	g, err := newGateway(cfg, cmp.Or(i.Endpoint, host), i.CACert, cmp.Or(i.TLSServerName, host))
	if wrong, ok := errors.AsType[*ConfigError](err); ok {
		wrong.Instance = id
	}
	return g, err
}
