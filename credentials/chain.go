package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aliyun/credentials-go/credentials/providers"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// askEvery is less than the 3 minutes before the end of its credentials in which a provider renews them.
	askEvery = time.Minute
	// lookEvery is how long a change of variables and files may go unseen.
	lookEvery = 10 * time.Minute
)

// A chain takes credentials from the first source that is there. It is used by one goroutine at a time.
type chain struct {
	sources []source
	clock   func() time.Time

	// opened is the provider of the source that was found at the time looked. It may renew its credentials by itself.
	opened providers.CredentialsProvider
	looked time.Time
}

func newChain(clock func() time.Time) *chain { return &chain{sources: sources, clock: clock} }

// fetch asks the opened provider, or looks for a source if there is none, it is time, or fresh is set.
func (c *chain) fetch(_ context.Context, fresh bool) (lease, error) {
	now := c.clock()
	if c.opened != nil && !fresh && now.Before(c.looked.Add(lookEvery)) {
		if got, err := ask(c.opened); err == nil {
			return lease{credentials: got, due: now.Add(askEvery)}, nil
		}
	}
	opened, got, err := c.look()
	if err != nil {
		return lease{}, err
	}
	c.opened, c.looked = opened, now
	return lease{credentials: got, due: now.Add(askEvery)}, nil
}

var errNoSource = errors.New("the environment has no credentials: no access key in variables, no OIDC role, no profile, " +
	"no credentials file, no URI, and the ECS instance is not to be asked")

// look opens the first source that is there.
func (c *chain) look() (providers.CredentialsProvider, client.Credentials, error) {
	for _, s := range c.sources {
		if !s.there() {
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

// errNone stands for every error of credentials-go: their texts may hold whole files and answers.
var errNone = errors.New("no credentials")

// ask gets the credentials of a provider. It may panic on an answer that lacks a field, and nobody could catch that.
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
	return client.Credentials{
		AccessKeyID:     found.AccessKeyId,
		AccessKeySecret: kmsapi.NewSecret(found.AccessKeySecret),
		SecurityToken:   kmsapi.NewSecret(found.SecurityToken),
	}, nil
}

// A sourceError says that a source is there and gives no credentials.
type sourceError struct{ source source }

func (e *sourceError) Error() string {
	return fmt.Sprintf("%s gave no credentials; %s", e.source.name, e.source.advice)
}
