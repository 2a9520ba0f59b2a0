package alicloudkms

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The audit logs of Vault and of KMS share no id. At level debug, the engine logs each call with the ids of both, so
// that a line of one log can be matched with the lines of the other. Below that level it costs nothing.

// requestKey is the key of the [logical.Request] in a context.
type requestKey struct{}

// traced returns ctx with the request, for the log of its calls to KMS, if calls are logged.
func (b *backend) traced(ctx context.Context, req *logical.Request) context.Context {
	if !b.Logger().IsDebug() {
		return ctx
	}
	return context.WithValue(ctx, requestKey{}, req)
}

// A callTimer records when a call began. It is zero if the call is not logged.
type callTimer struct{ began time.Time }

func (c *connection) startTimer() (t callTimer) {
	if c.log.IsDebug() {
		t.began = time.Now()
	}
	return t
}

// logCall logs a call that KMS answered or refused. Transport errors have no request id.
func (c *connection) logCall(ctx context.Context, t callTimer, q kmsapi.Request, answer kmsapi.Response, err error) {
	if t.began.IsZero() {
		return
	}
	pairs := []any{"operation", string(q.Operation()), "duration_us", time.Since(t.began).Microseconds()}
	if req, ok := ctx.Value(requestKey{}).(*logical.Request); ok {
		pairs = append(pairs, "path", req.Path, "vault_request_id", req.ID)
	}
	if err == nil {
		c.log.Debug("KMS answered", append(pairs, "key_id", keyOf(q, answer), "request_id", answer.ID())...)
		return
	}
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		c.log.Debug("KMS refused", append(pairs,
			"key_id", keyOf(q, nil), "request_id", refused.RequestID, "code", string(refused.Code))...)
	}
}

// keyOf returns KMS's id of the key that a call was about. A request may name the key differently or not at all.
func keyOf(q kmsapi.Request, answer kmsapi.Response) string {
	switch a := answer.(type) {
	case *kmsapi.EncryptResponse:
		return a.KeyId
	case *kmsapi.GenerateDataKeyResponse:
		return a.KeyId
	case *kmsapi.GenerateDataKeyWithoutPlaintextResponse:
		return a.KeyId
	case *kmsapi.ReEncryptResponse:
		return a.KeyId
	case *kmsapi.DecryptResponse:
		return a.KeyId
	case *kmsapi.CreateKeyResponse:
		return a.KeyMetadata.KeyId
	default:
		return kmsapi.Encode(q).Get("KeyId")
	}
}
