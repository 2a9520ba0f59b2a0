package kmskeys

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A callError is a failed call to KMS.
type callError struct {
	op kmsapi.Operation
	// key is the reference as the user wrote it, and endpoint what was called.
	key, endpoint string
	// dedicated is set if a dedicated gateway was chosen.
	dedicated bool
	err       error
}

// Unwrap returns what the client returned.
func (e *callError) Unwrap() error { return e.err }

// Error says what failed and what to do about it.
func (e *callError) Error() string {
	message := e.explain()
	if client.MayHaveRun(e.op, e.err) {
		message += fmt.Sprintf("; %s may have run anyway, so check before you repeat it", e.op)
	}
	return message
}

func (e *callError) explain() string {
	if missing, ok := errors.AsType[*client.CredentialsError](e.err); ok {
		return e.explainCredentials(missing)
	}
	if refused, ok := errors.AsType[*kmsapi.Error](e.err); ok {
		message := fmt.Sprintf("%s for %s at %s: %s", e.op, e.key, e.endpoint, advice.Describe(refused))
		if hint := e.hint(refused); hint != "" {
			message += "; " + hint
		}
		return message
	}
	if errors.Is(e.err, context.DeadlineExceeded) {
		return fmt.Sprintf("%s at %s was not answered in time", e.op, e.endpoint)
	}
	if unanswered, ok := errors.AsType[*client.TransportError](e.err); ok {
		if _, untrusted := errors.AsType[x509.UnknownAuthorityError](e.err); untrusted {
			return fmt.Sprintf("%s at %s failed: %v; if the server is the right one, set %s to the file with the certificate "+
				"of the authority that signed its certificate", e.op, e.endpoint, unanswered.Err, e.caVariable())
		}
	}
	return e.err.Error()
}

// explainCredentials shows only the code of KMS's last refusal, whose message may quote what was signed.
func (e *callError) explainCredentials(missing *client.CredentialsError) string {
	const where = "set ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, or use a profile, a role or a file"
	if refused, ok := errors.AsType[*kmsapi.Error](missing.Refusal); ok {
		return fmt.Sprintf("%s: KMS refused the credentials (%s), and there are no others: %v", e.op, refused.Code,
			missing.Err)
	}
	return missing.Error() + "; " + where
}

func (e *callError) caVariable() string {
	if e.dedicated {
		return "ALICLOUD_KMS_INSTANCE_CA"
	}
	return "ALICLOUD_KMS_CA"
}

func (e *callError) hint(refused *kmsapi.Error) string {
	if refused.Kind() == kmsapi.KindPermission {
		return fmt.Sprintf("the RAM identity needs %s on the key, and on the alias if an alias names it",
			strings.Join(e.op.Actions(), " and "))
	}
	return whatToDo.For(e.op, refused)
}

const accessKeyAdvice = "KMS does not know the access key, or it is disabled: check where the credentials come from"

// whatToDo is the advice to people who sign. It is never changed.
var whatToDo = advice.Table{
	ByKind: map[kmsapi.Kind]string{
		kmsapi.KindAccessKeyUnknown:  accessKeyAdvice,
		kmsapi.KindAccessKeyDisabled: accessKeyAdvice,
		kmsapi.KindSignature:         "the secret does not belong to the access key",
		kmsapi.KindSecurityToken:     "the security token has expired, or belongs to another access key",
		kmsapi.KindClock:             "the clocks of this machine and of KMS differ by too much",
		kmsapi.KindThrottle:          "the account sends too many requests to KMS",
		kmsapi.KindNotFound:          "check the region, the key and ALICLOUD_DOMAIN: the key must be in that region, and of the access key's account",
	},
	ByCode: map[kmsapi.Code]string{
		kmsapi.ErrRejectedDisabled.Code: "enable the key in KMS to sign with it; signatures that it has made can be verified meanwhile",

		kmsapi.ErrAliasNotFound.Code: "check the alias, the region and ALICLOUD_DOMAIN; cosign generate-key-pair --kms makes a key with the alias",

		kmsapi.ErrInstanceNotFound.Code: "check ?instance, or ALICLOUD_KMS_INSTANCE_ID",

		kmsapi.ErrRejectedPendingDeletion.Code: "the key is scheduled for deletion: cancel that in KMS to sign with it",
		kmsapi.ErrKeyVersionNotFound.Code:      "the key has no such version; without ?version, the newest is used",

		kmsapi.ErrUnsupportedOperation.Code: "the key must be a key pair for SIGN/VERIFY; if it is in a KMS instance whose Internet access is off, set ALICLOUD_KMS_GATEWAY=dedicated",
	},
}
