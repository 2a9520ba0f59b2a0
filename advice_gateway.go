package alicloudkms

import (
	"crypto/x509"
	"errors"
	"net"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// This file has the advice that depends on the gateway that was called, and on whether the key is in a KMS instance.

// gatewayAdvice returns the advice that comes before that of whatToDo.
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

// overDedicated is for what goes to the dedicated gateway.
var overDedicated = advice.Table{
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrUnsupportedOperation.Code: "The type of the CMK does not fit the operation.",
		kmsapi.ErrKeyNotFound.Code:          "The CMK is not in the KMS instance of this gateway: see kms_instance_id of vault read {mount}keys/{key} and vault read {mount}config",
		kmsapi.ErrThrottling.Code:           "Send fewer requests, or set max_parallel in {mount}config; how many a KMS instance serves is a matter of its specification.",
	},
}

// forInstanceKeys is for keys of an instance over the shared gateway.
var forInstanceKeys = advice.Table{ByOperation: usesOfKeys(kmsapi.ErrUnsupportedOperation.Code,
	"If the CMK is for encryption, Internet access of its KMS instance is off. The shared gateway needs it, even from a VPC; the instance's owner switches it on in the KMS console. Or use the dedicated gateway: vault write {mount}config gateway=dedicated kms_instance_id=kst-... secret_key=...", nil)}

// forOtherKeys is for keys that are in no instance, as far as is known.
var forOtherKeys = advice.Table{ByOperation: usesOfKeys(kmsapi.ErrUnsupportedOperation.Code,
	"If the CMK is for encryption, it is the account's default key or that of a cloud service, which only Alibaba Cloud's own services can use, or Internet access of its KMS instance is off. To make keys of your own in an instance, run: vault write {mount}config kms_instance_id=kst-...",
	map[kmsapi.Code]string{
		kmsapi.ErrLimitExceeded.Code:        needsInstance,
		kmsapi.ErrUnsupportedOperation.Code: needsInstance,
	})}

const needsInstance = "Without a KMS instance, an account of today has a single default key. To make keys of your own in an instance, run: vault write {mount}config kms_instance_id=kst-..., or give instance_id with the key."

// usesOfKeys is advice about a refusal of all operations that use a key, and about those of CreateKey.
func usesOfKeys(code kmsapi.Code, text string, creation map[kmsapi.Code]string) map[kmsapi.Operation]map[kmsapi.Code]string {
	table := map[kmsapi.Operation]map[kmsapi.Code]string{kmsapi.OpCreateKey: creation}
	for _, op := range kmsapi.Operations() {
		if op.Plane() == kmsapi.DataPlane {
			table[op] = map[kmsapi.Code]string{code: text}
		}
	}
	return table
}

// always is advice that goes with every failure of an operation.
var always = map[kmsapi.Operation]string{
	kmsapi.OpGetKmsInstance: "If the engine can't read the instance's CA certificate, give instance_ca_cert in {mount}config: the KMS console offers it as a file.",
}

// sharedAdvice is for a shared gateway that can't be reached while the dedicated one is used.
const sharedAdvice = "Keys are made, read and managed over the shared gateway. Encryption and decryption with keys of the instance go to the dedicated gateway, and need no way to the shared one; the configuration of a mount that has none is written with verify=false."

// transportAdvice says what to do if a gateway gave no answer, in place of what the client advises. It is empty where
// the client's own advice is right.
func (e *callError) transportAdvice() string {
	if isOldImage(e.err) {
		return oldImageAdvice
	}
	for _, known := range dedicatedFailures {
		if e.gateway == viaDedicated && known.fits(e.err) {
			return known.advice
		}
	}
	return ""
}

const oldImageAdvice = "Until then, use the shared gateway, which needs Internet access of the instance: gateway=shared in {mount}config."

// dedicatedFailures are tried from the top, and the first that fits counts.
var dedicatedFailures = []struct {
	fits   func(error) bool
	advice string
}{
	{causedBy[x509.UnknownAuthorityError], "The certificate is not signed by a CA of instance_ca_cert in {mount}config. The KMS console offers the instance's CA certificate as a file; if instance_ca_cert was not given, a read of {mount}health on the active node asks KMS for it again."},
	{causedBy[x509.HostnameError], "The certificate is for another name: instance_endpoint in {mount}config is the gateway of another instance than kms_instance_id, or is an address or a name of your own and needs instance_tls_server_name."},
	{causedBy[*net.DNSError], "The host name of a dedicated gateway resolves only in the VPCs of its instance. Associate this VPC with the instance, or forward kms.aliyuncs.com to Alibaba Cloud's DNS servers (100.100.2.136, 100.100.2.138), or set instance_endpoint in {mount}config."},
}

func isOldImage(err error) bool { return errors.Is(err, client.ErrOldImage) }

func causedBy[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
