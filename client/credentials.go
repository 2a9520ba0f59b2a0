package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// Credentials sign requests.
type Credentials = signature.Credentials

// A Provider returns credentials that are valid now. It is asked once per call, by many goroutines at a time, so a
// provider that fetches them from elsewhere should keep them until shortly before they expire.
type Provider interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// A Refresher is a [Provider] that may have better credentials than those it returned. The client asks it once in a
// call whose credentials KMS refuses, and sends the request once more if it returns others. Many goroutines may ask at
// a time.
type Refresher interface {
	Provider
	// Refresh returns the credentials to use instead of refused, or refused itself if there are no others.
	Refresh(ctx context.Context, refused Credentials) (Credentials, error)
}

// credentials returns the credentials that a call begins with.
func (c *Client) credentials(ctx context.Context, op kmsapi.Operation) (Credentials, error) {
	given, err := c.cfg.Credentials.Credentials(ctx)
	if err == nil {
		err = checkCredentials(given)
	}
	if err != nil {
		return Credentials{}, &CredentialsError{Operation: op, Err: err}
	}
	return given, nil
}

// refresh returns credentials other than those that KMS refused, or refused itself if there are none.
func (c *Client) refresh(
	ctx context.Context, op kmsapi.Operation, refused Credentials, refusal error,
) (Credentials, error) {
	refresher, ok := c.cfg.Credentials.(Refresher)
	if !ok {
		return refused, nil
	}
	fresh, err := refresher.Refresh(ctx, refused)
	if err == nil {
		err = checkCredentials(fresh)
	}
	if err != nil {
		return Credentials{}, &CredentialsError{Operation: op, Refusal: refusal, Err: err}
	}
	return fresh, nil
}

// Static is a [Provider] that always returns the same credentials.
type Static Credentials

// Credentials returns s.
func (s Static) Credentials(context.Context) (Credentials, error) { return Credentials(s), nil }

var (
	errNoCredentials     = errors.New("is missing; give a Provider, such as Static with an access key and its secret")
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

// A CredentialsError says that there were no credentials to sign a request with. KMS did not run it.
type CredentialsError struct {
	// Operation is the operation that could not be called.
	Operation kmsapi.Operation
	// Refusal is KMS's refusal of the previous credentials, and nil if nothing was sent.
	Refusal error
	// Err is the provider's own error, or says what the credentials lack.
	Err error
}

// Error returns the operation and the cause.
func (e *CredentialsError) Error() string {
	if e.Refusal != nil {
		return fmt.Sprintf("%s was refused by KMS for its credentials (%v), and there are no others: %v", e.Operation,
			e.Refusal, e.Err)
	}
	return fmt.Sprintf("%s was not sent to KMS for want of credentials: %v", e.Operation, e.Err)
}

// Unwrap returns the causes.
func (e *CredentialsError) Unwrap() []error {
	if e.Refusal != nil {
		return []error{e.Err, e.Refusal}
	}
	return []error{e.Err}
}
