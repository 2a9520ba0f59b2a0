package seal

import (
	"crypto/x509"
	"net"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keysAdvisor advises administrators that set up External Keys, and users of secrets engines with such a key.
var keysAdvisor = &advisor{
	refused: keyRefused, refusedAtInstance: keyRefusedAtInstance,
	unanswered: keyUnanswered, unansweredAtInstance: keyUnansweredAtInstance,
}

const (
	// otherKind is for a CMK that can't do what was requested.
	otherKind = "the KMS key is of another kind: encryption needs a symmetric key, and a signature a key pair whose KeyUsage is SIGN/VERIFY"

	wrongKey         = "check key_id, region and endpoint: the KMS key must be in that region, and of the access key's account"
	deletionAdvice   = "the KMS key is scheduled for deletion: cancel that in KMS, or what it has encrypted is lost"
	permissionAdvice = "the RAM identity needs kms:Encrypt and kms:Decrypt on a symmetric KMS key, and kms:GetPublicKey and kms:AsymmetricSign on a key pair"
	noInternetAccess = "if it is in a KMS instance, the instance's Internet access may be off: then write gateway=dedicated"
)

var keyRefused = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  accessKeyAdvice,
		kmsapi.KindAccessKeyDisabled: accessKeyAdvice,
		kmsapi.KindSignature:         secretAdvice,
		kmsapi.KindSecurityToken:     "the security token has expired or belongs to another access key; leave it out, and give an access_key and a role_arn, whose sessions are renewed",
		kmsapi.KindClock:             clockAdvice,
		kmsapi.KindNotFound:          wrongKey,
		kmsapi.KindThrottle:          throttleAdvice,
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrRejectedDisabled.Code:        "the KMS key is disabled: enable it in KMS",
		kmsapi.ErrRejectedPendingDeletion.Code: deletionAdvice,
		kmsapi.ErrRejectedPendingImport.Code:   materialAdvice,
		kmsapi.ErrRejectedUnavailable.Code:     unavailableAdvice,
		kmsapi.ErrUnsupportedOperation.Code:    otherKind + "; " + noInternetAccess,
		kmsapi.ErrNoPermission.Code:            permissionAdvice,
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDecrypt: {
			kmsapi.ErrKeyNotFound.Code:      "the ciphertext is not of this KMS key, or the KMS key was deleted",
			kmsapi.ErrInvalidParameter.Code: "the ciphertext was altered or did not come from KMS, or the additional data or bound_context differ",
		},
	},
}

var keyRefusedAtInstance = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindNotFound: "check key_id and kms_instance_id: the KMS key must be in that instance",
	},
	ByCode: map[kmsapi.Code]string{kmsapi.ErrUnsupportedOperation.Code: otherKind},
}

var keyUnanswered = []noAnswer{
	{isA[x509.HostnameError], ""},
	{isA[x509.UnknownAuthorityError], "if the server is the right one, set ca_cert to the certificate of the authority that signed its certificate, as PEM"},
	{isA[*net.DNSError], "check region, network, endpoint and DNS. Variables for a proxy are not used: set proxy instead"},
}

var keyUnansweredAtInstance = []noAnswer{
	{is(client.ErrOldImage), "until then, write gateway=shared, with Internet access of the instance on"},
	{isA[x509.HostnameError], otherGateway},
	{isA[x509.UnknownAuthorityError], "ca_cert must be the CA certificate of the instance, which the console offers as a file, PrivateKmsCA_….pem"},
	{isA[*net.DNSError], nameAdvice},
}
