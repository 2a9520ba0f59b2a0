package seal

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An Error is a failed call to KMS. [errors.As] finds the client's error: a [*kmsapi.Error], a [*client.TransportError]
// or a [*client.CredentialsError].
type Error struct {
	// Operation is the one that failed.
	Operation kmsapi.Operation
	// KeyID is the configured CMK or alias. For Decrypt of a seal, it is the CMK that the blob names, which matters
	// after a change of kms_key_id.
	KeyID string
	// InstanceID is the KMS instance whose dedicated gateway was called, and empty for the shared gateway.
	InstanceID string
	// Err is the cause.
	Err error

	// advisor knows what to do. Nil means the seal's.
	advisor *advisor
}

// An advisor holds the advice about failed calls for one purpose of the plugin. It is never changed.
type advisor struct {
	// refused is about refusals. refusedAtInstance takes precedence if a dedicated gateway refused.
	refused, refusedAtInstance advice.Table
	// unanswered and unansweredAtInstance are about calls without an answer, over the shared gateway and over a
	// dedicated one. The first entry that matches is taken.
	unanswered, unansweredAtInstance []noAnswer
}

// sealAdvisor advises operators of a server that unseals with KMS.
var sealAdvisor = &advisor{whatToDo, whatToDoAtInstance, whatToDoUnanswered, whatToDoUnansweredAtInstance}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error says what failed and what to do about it.
func (e *Error) Error() string {
	if missing, ok := errors.AsType[*client.CredentialsError](e.Err); ok {
		return e.explainMissingCredentials(missing)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.Err); ok {
		return e.explainRefusal(refused)
	}
	if unanswered, ok := errors.AsType[*client.TransportError](e.Err); ok {
		return e.explainNoAnswer(unanswered)
	}
	return e.Err.Error()
}

// explainMissingCredentials shows only the code of KMS's last refusal, whose message may quote the string that was
// signed.
func (e *Error) explainMissingCredentials(missing *client.CredentialsError) string {
	if refused, ok := errors.AsType[*kmsapi.Error](missing.Refusal); ok {
		return fmt.Sprintf("%s: KMS refused the credentials (%s), and there are no others: %v",
			e.Operation, refused.Code, missing.Err)
	}
	return missing.Error()
}

func (e *Error) explainRefusal(refused *kmsapi.Error) string {
	message := fmt.Sprintf("%s with %q: %s", e.Operation, e.KeyID, advice.Describe(refused))
	ask := cmp.Or(e.advisor, sealAdvisor)
	hint := ask.refused.For(e.Operation, refused)
	if e.InstanceID != "" {
		hint = cmp.Or(ask.refusedAtInstance.For(e.Operation, refused), hint)
	}
	if hint != "" {
		message += "; " + hint
	}
	return message
}

// explainNoAnswer adds advice about settings of the seal, which the client does not know.
func (e *Error) explainNoAnswer(unanswered *client.TransportError) string {
	ask := cmp.Or(e.advisor, sealAdvisor)
	hints := ask.unanswered
	if e.InstanceID != "" {
		hints = ask.unansweredAtInstance
	}
	for _, hint := range hints {
		if hint.fits(unanswered.Err) {
			advice := cmp.Or(hint.advice, servercert.Advice(unanswered.Err)+"; tls_server_name is for a name of your own")
			return fmt.Sprintf("%s at %s failed: %v; %s", e.Operation, unanswered.Endpoint, unanswered.Err, advice)
		}
	}
	return unanswered.Error()
}

// UnsupportedOperation has two reasons. At a dedicated gateway only the second is possible.
const (
	internetAccessAdvice = `if the KMS key is in a KMS instance, the instance's Internet access is off: write gateway = "dedicated", or have the instance's owner turn Internet access on in the console`
	notForEncryption     = "the KMS key is not symmetric, or is reserved for services of Alibaba Cloud"
)

// Sentences that both purposes share.
const (
	accessKeyAdvice   = "KMS does not know the access key, or it is disabled: check access_key, or where the credentials come from"
	secretAdvice      = "the secret does not belong to the access key: check secret_key"
	clockAdvice       = "the clocks of this server and of KMS differ by too much: set this server's clock, for example with NTP"
	throttleAdvice    = "the account sends too many requests to KMS"
	materialAdvice    = "the KMS key has no key material: import the same material again"
	unavailableAdvice = "its KMS instance was released, or the HSM does not answer: see the console"
	nameAdvice        = "the name resolves only in the VPCs that are associated with the instance: associate this server's VPC in the console; outside of a VPC, forward the DNS zone kms.aliyuncs.com to 100.100.2.136 and 100.100.2.138"
	otherGateway      = "the server is not the gateway of kms_instance_id: check that and instance_endpoint. Set tls_server_name only if the instance has a name of your own"
)

// whatToDo is the advice to operators of a server that unseals with KMS. It is never changed.
var whatToDo = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  accessKeyAdvice,
		kmsapi.KindAccessKeyDisabled: accessKeyAdvice,
		kmsapi.KindSignature:         secretAdvice,
		kmsapi.KindSecurityToken:     "the security token has expired or belongs to another access key; use credentials that the seal can renew: role_arn, or no access_key, for the RAM role of the instance",
		kmsapi.KindClock:             clockAdvice,
		kmsapi.KindNotFound:          "check kms_key_id, region and domain: the KMS key must be in that region, and of the access key's account",
		kmsapi.KindThrottle:          throttleAdvice,
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrRejectedDisabled.Code: "the KMS key is disabled: enable it in KMS, and the server unseals itself",
		kmsapi.ErrRejectedPendingDeletion.Code: "the KMS key is scheduled for deletion: cancel that in KMS, " +
			"or everything that it has sealed is lost",
		kmsapi.ErrRejectedPendingImport.Code: materialAdvice,
		kmsapi.ErrRejectedUnavailable.Code:   unavailableAdvice,
		kmsapi.ErrUnsupportedOperation.Code:  internetAccessAdvice + "; otherwise, " + notForEncryption,
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDescribeKey: {
			kmsapi.ErrNoPermission.Code:   "the RAM identity needs the action kms:DescribeKey on the KMS key, and on the alias if kms_key_id is one",
			kmsapi.ErrInvalidAPIName.Code: `domain is the dedicated gateway of a KMS instance: write gateway = "dedicated", kms_instance_id and ca_cert, and leave out domain`,
		},
		kmsapi.OpEncrypt: {
			kmsapi.ErrNoPermission.Code: "the RAM identity needs the action kms:Encrypt on the KMS key, and on the alias if kms_key_id is one",
		},
		kmsapi.OpDecrypt: {
			kmsapi.ErrNoPermission.Code:     "the RAM identity needs the action kms:Decrypt on the KMS key that sealed the data, which after a change of kms_key_id is the old one",
			kmsapi.ErrKeyNotFound.Code:      "the KMS key that sealed the data is not in that region and account; if it was deleted, what it sealed is lost",
			kmsapi.ErrInvalidParameter.Code: "the sealed data was altered, or did not come from KMS",
		},
	},
}

// whatToDoAtInstance takes precedence if a dedicated gateway refused. It is never changed.
var whatToDoAtInstance = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindNotFound: "check kms_key_id and kms_instance_id: the KMS key must be in that instance",
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrUnsupportedOperation.Code: notForEncryption,
	},
	ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
		kmsapi.OpDecrypt: {
			kmsapi.ErrKeyNotFound.Code: `the KMS key that sealed the data is not in that instance: if it is in no instance or another one, write gateway = "shared" for now; if it was deleted, what it sealed is lost`,
		},
	},
}

// A noAnswer is advice about one reason for a missing answer. The advice is empty if it depends on which names are
// wrong.
type noAnswer struct {
	fits   func(error) bool
	advice string
}

// whatToDoUnanswered is for the shared gateway, and whatToDoUnansweredAtInstance for a dedicated one. The first entry
// that matches is taken. They are never changed.
var whatToDoUnanswered = []noAnswer{
	{isA[x509.HostnameError], ""},
	{isA[x509.UnknownAuthorityError], "if the server is the right one, set ca_cert to the certificate of the authority that signed its certificate, as PEM or as the path of a file"},
	{isA[*net.DNSError], "check region, network, domain and DNS"},
}

var whatToDoUnansweredAtInstance = []noAnswer{
	{is(client.ErrOldImage), `until then, write gateway = "shared", with Internet access of the instance on`},
	{isA[x509.HostnameError], otherGateway},
	{isA[x509.UnknownAuthorityError], "ca_cert must be the CA certificate of the instance, which the console offers as a file, PrivateKmsCA_….pem"},
	{isA[*net.DNSError], nameAdvice},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
