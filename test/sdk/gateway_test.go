package sdk

import (
	"os"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// dedicated is what a client needs to use the dedicated gateway of a KMS instance, whose name DNS does not know here.
type dedicated struct {
	// ca is the file that the console offers for the instance.
	ca string
	// listener is where the gateway listens, as host:port, and proxy is a proxy that leads there.
	listener, proxy string
}

// gateway returns the dedicated gateway that the instance called id of s has at listener.
func (s *service) gateway(id, listener, ca string) (*service, error) {
	host := kmsapi.InstanceHost(id)
	way, err := newTunnel(map[string]string{host + ":443": listener})
	if err != nil {
		return nil, err
	}
	return &service{
		address: host, dedicated: &dedicated{ca: ca, listener: listener, proxy: way.url()}, access: s.access,
	}, nil
}

// devInstance is the instance of the development service, and devGateway its dedicated gateway.
var (
	devInstance string
	devGateway  *service
)

// findDevInstance finds the instance where users find it: in the variables that the service exports.
func (s *service) findDevInstance(kms *servers.KMS) error {
	ca, err := os.ReadFile(kms.Exports["ALICLOUD_KMS_INSTANCE_CA"])
	if err != nil {
		return err
	}
	devInstance = kms.Exports["ALICLOUD_KMS_INSTANCE_ID"]
	devGateway, err = s.gateway(devInstance, kms.Exports["ALICLOUD_KMS_INSTANCE_ENDPOINT"], string(ca))
	return err
}

// at returns a player that calls a service other than the dialect's home.
func (d dialect) at(t *testing.T, s *service) player {
	return player{T: t, dialect: d, caller: d.dial(t, s, s.access)}
}

// everyGateway plays a scenario in every dialect that uses TLS, which dedicated gateways require. The scenario gets a
// player for the shared gateway of the development service, and one for the dedicated gateway of its instance.
func everyGateway(t *testing.T, scenario func(shared, dedicated player)) {
	everyGatewayOf(t, dev, devGateway, scenario)
}

func everyGatewayOf(t *testing.T, shared, dedicated *service, scenario func(shared, dedicated player)) {
	for _, d := range dialects {
		if !d.home().plain {
			t.Run(d.name, func(t *testing.T) { scenario(d.at(t, shared), d.at(t, dedicated)) })
		}
	}
}
