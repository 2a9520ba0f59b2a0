package alicloudkms

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// This file holds the advice for a caller that writes the configuration. The mistake is in the write itself, and
// nothing may be stored yet, so the advice names fields and no commands.

const borrowedWhileConfiguring = "The credentials come from the environment of the Vault server or from a role, and reading them again has not helped; check those"

// whileConfiguring comes before whatToDo.
var whileConfiguring = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  "KMS does not know the access_key; check it, and that region and endpoint are those of its cloud.",
		kmsapi.KindAccessKeyDisabled: "The access_key is disabled; enable it in RAM, or give another with its secret_key.",
		kmsapi.KindSignature:         "The secret_key does not belong to the access_key; check both. If the secret is in a file: secret_key=@FILE",
		kmsapi.KindSecurityToken:     "The security_token is expired, malformed or belongs to other credentials; give access_key, secret_key and security_token of one session.",
		kmsapi.KindThrottle:          "Try again in a moment.",
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrInvalidAPIName.Code:   "endpoint is the dedicated gateway of a KMS instance, which only encrypts, decrypts and signs. Leave endpoint empty, for the shared gateway of the region, and set gateway=dedicated and kms_instance_id.",
		kmsapi.ErrInstanceNotFound.Code: "There is no such KMS instance in that region and account: check kms_instance_id and region.",
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDescribeRegions: {
			kmsapi.ErrNoPermission.Code: "The RAM user of the access_key may not call DescribeRegions; allow it (kms:DescribeRegions), or write the configuration with verify=false.",
		},
	},
}

const (
	untrustedWhileConfiguring = "If the server is the right one, give the certificate of the authority that signed its certificate: ca_cert=@FILE"
	oldEndpointIsGateway      = "endpoint is the dedicated gateway of that instance. Leave endpoint empty, for the shared gateway of the region."
)
