package call

import (
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A failure is an error of a request that should have been sent. Its message is one line, and safe to show on a
// terminal whatever the server sent.
type failure struct {
	message string
	err     error
}

func (f *failure) Error() string { return terminal.Escape(f.message, "") }

func (f *failure) Unwrap() error { return f.err }

// Explain returns the error to show for err, which a request of op to endpoint has caused: operation, code, message,
// status and request id, and whether the operation may have run.
func Explain(op kmsapi.Operation, endpoint string, err error) error {
	refused, isRefusal := errors.AsType[*kmsapi.Error](err)
	if missing, ok := errors.AsType[*client.CredentialsError](err); ok {
		return &failure{missing.Error() + "; -env FILE names a file with credentials", err}
	}
	message := err.Error()
	if isRefusal {
		message = fmt.Sprintf("%s at %s was refused: %v", op, endpoint, refused)
	} else if failed, ok := errors.AsType[*client.TransportError](err); ok {
		message = unanswered(failed)
	}
	if client.MayHaveRun(op, err) {
		message += fmt.Sprintf("; %s may have run anyway, so check before you repeat it", op)
	}
	return &failure{message, err}
}
