package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// Credentials are what requests are signed with.
type Credentials = signature.Credentials

// A Provider gives credentials that are good now. It is asked once a call, by many goroutines at a time, so one that
// fetches them from elsewhere should keep them until shortly before they expire.
type Provider interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// Static is a [Provider] that always gives the same credentials.
type Static Credentials

// Credentials returns s.
func (s Static) Credentials(context.Context) (Credentials, error) { return Credentials(s), nil }

var (
	errNoCredentials     = errors.New("there is no provider of credentials; give an access key and its secret")
	errNoAccessKeyID     = errors.New("the access key is empty")
	errNoAccessKeySecret = errors.New("the access key's secret is empty")
)

func checkCredentials(c Credentials) error {
	switch {
	case c.AccessKeyID == "":
		return errNoAccessKeyID
	case c.AccessKeySecret.IsEmpty():
		return errNoAccessKeySecret
	}
	return nil
}

// A CredentialsError says that there was nothing to sign a request with. Nothing was sent.
type CredentialsError struct {
	// Operation is what was to be called.
	Operation kmsapi.Operation
	// Err is the provider's own error, or says what the credentials lack.
	Err error
}

// Error gives operation and cause.
func (e *CredentialsError) Error() string {
	return fmt.Sprintf("%s was not sent to KMS for want of credentials: %v", e.Operation, e.Err)
}

// Unwrap returns the cause.
func (e *CredentialsError) Unwrap() error { return e.Err }
