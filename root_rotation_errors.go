package alicloudkms

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A ramError is a failed call to RAM.
type ramError struct {
	err error
	// done says what the request had already changed. It may be empty.
	done string
}

func (e *ramError) Error() string { return e.err.Error() }
func (e *ramError) Unwrap() error { return e.err }

// coded returns the error with its HTTP status. RAM's statuses mean the same to the caller as to the engine. An access
// key that RAM refuses is a mistake in the configuration, which this caller manages.
func (e *ramError) coded() error {
	status, hint := http.StatusBadGateway, ""
	if refused, ok := errors.AsType[*ram.Error](e.err); ok {
		status, hint = explainRAM(refused)
	} else if ended, over := statusOfEnd(e.err); over {
		status = ended
	}
	return logical.CodedError(status, refusal.Sentences(e.err.Error(), hint, e.done))
}

func explainRAM(refused *ram.Error) (status int, hint string) {
	kind := refused.Code.Kind()
	switch {
	case refused.Code == "" || refused.HTTPStatus >= http.StatusInternalServerError:
		return http.StatusBadGateway, ""
	case kind == kmsapi.KindThrottle:
		return http.StatusTooManyRequests, "Try again in a moment"
	case refused.IsDenied():
		return http.StatusForbidden, fmt.Sprintf("The RAM user needs ram:%s on itself", refused.Action)
	case refused.IsOverLimit():
		return http.StatusConflict, "The RAM user has two access keys already"
	case kind == kmsapi.KindClock:
		return http.StatusBadRequest, "The clock of this server is off; set it, for example with NTP"
	case kind.Unauthenticated():
		return http.StatusBadRequest, "RAM does not accept the access key of the configuration"
	default:
		return http.StatusBadRequest, "Only the access key of a RAM user can be rotated, not that of the account itself"
	}
}

// notYet says that the pending access key called id does not work yet. err may be the reason.
func (b *backend) notYet(req *logical.Request, id string, err error) error {
	reason := "it has not worked often enough in a row"
	if failed, ok := errors.AsType[*callError](err); ok {
		reason = failed.explain(req.Path).message
	} else if err != nil {
		reason = err.Error()
	}
	return refusal.Unavailable(
		"the new access key %s is stored, and is not in use yet: %s. Nothing that is in use has changed. Send the same request again to go on with it",
		id, reason)
}
