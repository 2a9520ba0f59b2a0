package seal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The values of the setting gateway.
const (
	// sharedGateway is the gateway of the region, or the one that domain names.
	sharedGateway = "shared"
	// dedicatedGateway is the gateway of the KMS instance that holds the CMK. It can be reached without the Internet,
	// and serves only operations that use keys.
	dedicatedGateway = "dedicated"
)

// misplaced has the errors for settings of the gateway that was not chosen. Nothing is sent there, and ignoring such a
// setting would make its author believe that it is in use.
var misplaced = map[string]string{
	sharedGateway:    `%[1]s is for gateway = "shared", and gateway is "dedicated": give the instance's endpoint as instance_endpoint, or leave out %[1]s`,
	dedicatedGateway: `%[1]s is for gateway = "dedicated": write that too, or leave out %[1]s`,
}

// gateway returns which gateway was chosen.
func (v values) gateway() string { return cmp.Or(v["gateway"], sharedGateway) }

// has reports whether a setting applies to the chosen gateway.
func (v values) has(s setting) bool { return s.gateway == "" || s.gateway == v.gateway() }

// checkGateway refuses settings that contradict the chosen gateway, and a dedicated gateway without the settings that
// it needs.
func (v values) checkGateway() error {
	if misplaced[v.gateway()] == "" {
		return fmt.Errorf("gateway must be %q or %q", sharedGateway, dedicatedGateway)
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if s := settings[name]; v[name] != "" && !v.has(s) {
			return fmt.Errorf(misplaced[s.gateway], name)
		}
	}
	switch {
	case v.gateway() == sharedGateway:
		return nil
	case v["kms_instance_id"] == "":
		return errors.New(`gateway = "dedicated" needs kms_instance_id, such as "kst-hzz62f1cb66fa42qo7p3x": the KMS instance that holds the KMS key`)
	case v["ca_cert"] == "":
		return errors.New(`gateway = "dedicated" needs ca_cert: the CA certificate of the instance, which the console offers as a file`)
	default:
		return nil
	}
}

// endpoint returns the endpoint of requests and the host name that its certificate must have. Empty strings mean the
// region's endpoint and the endpoint's own host. For the dedicated gateway, it is the only endpoint, so nothing can go
// to the shared one.
func (v values) endpoint() (endpoint, serverName string) {
	if v.gateway() == sharedGateway {
		return v["domain"], v["tls_server_name"]
	}
	host := kmsapi.InstanceHost(v["kms_instance_id"])
	return cmp.Or(v["instance_endpoint"], host), cmp.Or(v["tls_server_name"], host)
}
