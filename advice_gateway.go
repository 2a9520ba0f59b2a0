package alicloudkms

import (
	"crypto/x509"
	"errors"
	"net"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
)

// This file holds the advice that depends on the gateway that was called, and on whether the key is in a KMS instance.

// gatewayAdvice returns the advice that takes precedence over whatToDo.
func (e *callError) gatewayAdvice() *advice.Table {
	switch {
	case e.gateway == viaDedicated:
		return &overDedicated
	case e.instance != "":
		return &forInstanceKeys
	default:
		return &forOtherKeys
	}
}

// sharedAdvice is for a shared gateway that can't be reached while the dedicated one is used.
const sharedAdvice = "Keys are made, read and managed over the shared gateway. Encryption and decryption with keys of the instance use only the dedicated gateway; if this mount can't reach the shared one, write the configuration with verify=false."

// transportAdvice says what to do if a gateway gave no answer, in place of what the client advises. It is empty if the
// client's own advice is right. configuring says that this request gave the settings.
func (e *callError) transportAdvice(configuring bool) string {
	switch old := errors.Is(e.err, client.ErrOldImage); {
	case old && e.gateway == viaDedicated:
		return oldImageAdvice
	case old && configuring:
		return oldEndpointIsGateway
	case old:
		return oldEndpointAdvice
	}
	if e.gateway == viaDedicated {
		for _, known := range dedicatedFailures {
			if known.fits(e.err) {
				return known.advice
			}
		}
		return ""
	}
	switch names := servercert.Advice(e.err); {
	case names != "":
		return "To have it trusted, " + names
	case !causedBy[x509.UnknownAuthorityError](e.err):
		return ""
	case configuring:
		return untrustedWhileConfiguring
	default:
		return untrustedEndpointAdvice
	}
}

const untrustedEndpointAdvice = "If the server is the right one, give the certificate of the authority that signed its certificate: vault write {mount}config ca_cert=@FILE secret_key=..."

const oldImageAdvice = "Until then, use the shared gateway, which needs Internet access of the instance: gateway=shared in {mount}config."

// oldEndpointAdvice is for a configuration that takes the dedicated gateway for the shared one.
const oldEndpointAdvice = "The endpoint in {mount}config is the dedicated gateway of that instance. Leave endpoint empty, for the shared gateway of the region."

// dedicatedFailures are tried in order; the first match wins.
var dedicatedFailures = []struct {
	fits   func(error) bool
	advice string
}{
	{causedBy[x509.UnknownAuthorityError], untrustedAdvice},
	{causedBy[x509.HostnameError], wrongNameAdvice},
	{causedBy[*net.DNSError], unresolvedAdvice},
}

const (
	untrustedAdvice  = "The certificate is not signed by a CA of instance_ca_cert in {mount}config. The KMS console offers the instance's CA certificate as a file; if instance_ca_cert was not given, a read of {mount}health on the active node asks KMS for it again."
	wrongNameAdvice  = "The certificate is for another name: instance_endpoint in {mount}config is the gateway of an instance other than kms_instance_id, or is an address or a name of your own and needs instance_tls_server_name."
	unresolvedAdvice = "The host name of a dedicated gateway resolves only in the VPCs of its instance. Associate this VPC with the instance, or forward kms.aliyuncs.com to Alibaba Cloud's DNS servers (100.100.2.136, 100.100.2.138), or set instance_endpoint in {mount}config."
)

func causedBy[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
