package call

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
)

// flagOf has the flags that become fields of [client.Config], and instanceFlagOf those of [client.Instance].
var (
	flagOf = map[string]string{
		"Region": "-region", "Network": "-network", "Endpoint": "-endpoint", "CACert": "-ca-cert",
		"TLSServerName": "-server-name",
	}
	instanceFlagOf = map[string]string{
		"Endpoint": "-instance-endpoint", "CACert": "-instance-ca-cert", "TLSServerName": "-instance-server-name",
	}
)

// blame gives an error about a field of the client's configuration the name of its flag.
func blame(err error) error {
	wrong, ok := errors.AsType[*client.ConfigError](err)
	if !ok {
		return err
	}
	name := flagOf[wrong.Field]
	if wrong.Instance != "" {
		name = instanceFlagOf[wrong.Field]
	}
	if name == "" {
		return err
	}
	return fmt.Errorf("%s %w", name, wrong.Err)
}

// unanswered is the message of a request without an answer, in terms of flags.
func unanswered(err *client.TransportError) string {
	if _, untrusted := errors.AsType[x509.UnknownAuthorityError](err); !untrusted {
		return err.Error()
	}
	return fmt.Sprintf("%s at %s failed: %v (if the server is the right one, give the certificate of the authority that "+
		"signed its certificate, with -ca-cert, or with -instance-ca-cert for the gateway of an instance)",
		err.Operation, err.Endpoint, err.Err)
}
