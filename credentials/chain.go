package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aliyun/credentials-go/credentials/providers"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// askInterval is less than the last 3 minutes of the credentials' lifetime, in which a provider renews them.
	askInterval = time.Minute
	// searchInterval is how long a change of variables or files may go unnoticed.
	searchInterval = 10 * time.Minute
)

// A chain takes credentials from the first source that is set up. It is used by one goroutine at a time.
type chain struct {
	sources []source
	clock   func() time.Time

	// opened is the provider of the source found at searchedAt. It may renew its credentials on its own.
	opened     providers.CredentialsProvider
	searchedAt time.Time
}

func newChain(clock func() time.Time) *chain { return &chain{sources: sources, clock: clock} }

// fetch asks the opened provider, or searches for a source if there is none, if a search is due, or if fresh is set.
func (c *chain) fetch(_ context.Context, fresh bool) (lease, error) {
	now := c.clock()
	if c.opened != nil && !fresh && now.Before(c.searchedAt.Add(searchInterval)) {
		if got, err := ask(c.opened); err == nil {
			return lease{credentials: got, refreshAt: now.Add(askInterval)}, nil
		}
	}
	opened, got, err := c.search()
	if err != nil {
		return lease{}, err
	}
	c.opened, c.searchedAt = opened, now
	return lease{credentials: got, refreshAt: now.Add(askInterval)}, nil
}

var errNoSource = errors.New("the environment has no credentials: no access key in variables, no OIDC role, no profile, " +
	"no credentials file, no URI, and the use of an ECS instance's role is disabled")

// search opens the first source that is set up.
func (c *chain) search() (providers.CredentialsProvider, client.Credentials, error) {
	for _, s := range c.sources {
		if !s.isSetUp() {
			continue
		}
		opened, err := s.open()
		if err != nil {
			return nil, client.Credentials{}, &sourceError{s}
		}
		got, err := ask(opened)
		if err != nil {
			return nil, client.Credentials{}, &sourceError{s}
		}
		return opened, got, nil
	}
	return nil, client.Credentials{}, errNoSource
}

// errNone replaces every error of credentials-go, whose messages may contain whole files and answers.
var errNone = errors.New("no credentials")

// ask gets the credentials of a provider. A provider may panic on an answer that lacks a field. The fetch has a
// goroutine of its own, so no caller could recover from that.
func ask(p providers.CredentialsProvider) (got client.Credentials, err error) {
	defer func() {
		if recover() != nil {
			got, err = client.Credentials{}, errNone
		}
	}()
	found, err := p.GetCredentials()
	if err != nil || found == nil || found.AccessKeyId == "" || found.AccessKeySecret == "" {
		return client.Credentials{}, errNone
	}
	// Values from files, and from variables that were read from a file with CRLF, may end in line breaks.
	id, idErr := input.Word(found.AccessKeyId)
	secret, secretErr := input.Word(found.AccessKeySecret)
	token, tokenErr := input.Word(found.SecurityToken)
	if idErr != nil || secretErr != nil || tokenErr != nil {
		return client.Credentials{}, errNone
	}
	return client.Credentials{
		AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(secret), SecurityToken: kmsapi.NewSecret(token),
	}, nil
}

// A sourceError reports that a source is set up but gives no credentials.
type sourceError struct{ source source }

func (e *sourceError) Error() string {
	return fmt.Sprintf("%s gave no credentials; %s", e.source.name, e.source.advice)
}
