package alicloudkms

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// watchedKMS is a KMS service whose calls a test can count, fail or hold. It is called whatever endpoint and
// credentials the engine is configured with, so that those can be tested separately; newRealRig calls the service
// directly.
type watchedKMS struct {
	// before is called for every operation. If it returns an error, that is the answer, and the service is not called.
	before func(context.Context, kmsapi.Request) error
	// instead answers an operation in place of the service, unless both its results are nil.
	instead func(kmsapi.Request) (kmsapi.Response, error)
	// after is called once the service has acted. If it returns an error, the answer is lost.
	after func(context.Context, kmsapi.Request) error
	// service starts the service at its first use.
	service func() *kmstest.KMS

	mu    sync.Mutex // guards the fields below
	calls map[kmsapi.Operation]int
	// at has the configured endpoint that each operation was last sent to.
	at     map[kmsapi.Operation]string
	last   kmsapi.Request
	opened []client.Config
	closed int
}

func newWatchedKMS(t *testing.T) *watchedKMS {
	return watching(func() *kmstest.KMS { return kmstest.WithKeyPairs(t, vectorPair) })
}

func watching(service func() *kmstest.KMS) *watchedKMS {
	return &watchedKMS{
		service: sync.OnceValue(service),
		calls:   map[kmsapi.Operation]int{},
		at:      map[kmsapi.Operation]string{},
	}
}

// open replaces openClient, and makes the client's own checks.
func (w *watchedKMS) open(c client.Config) (kms, error) {
	checked, err := client.New(c)
	if err != nil {
		return nil, err
	}
	checked.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = append(w.opened, c)
	return &watchedClient{
		watched: w, configured: checked,
		real: sync.OnceValues(func() (*client.Client, error) { return w.direct(c.Region) }),
	}, nil
}

// direct returns a client that is not watched.
func (w *watchedKMS) direct(region string) (*client.Client, error) {
	service := w.service()
	return client.New(client.Config{
		Region: region, Endpoint: service.Endpoint, CACert: service.CACert, RequestTimeout: time.Minute,
		Credentials: client.Static{AccessKeyID: service.AccessKeyID, AccessKeySecret: service.AccessKeySecret},
		// It repeats a request if the service was restarted and has closed the connection.
		Jitter: func(time.Duration) time.Duration { return 0 },
	})
}

func (w *watchedKMS) count(op kmsapi.Operation) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[op]
}

func (w *watchedKMS) total() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, calls := range w.calls {
		n += calls
	}
	return n
}

func (w *watchedKMS) note(r kmsapi.Request, endpoint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[r.Operation()]++
	w.at[r.Operation()], w.last = endpoint, r
}

// watchedClient is one client of a watchedKMS.
type watchedClient struct {
	watched *watchedKMS
	// configured knows the endpoints of the configuration, although another one is called.
	configured *client.Client
	real       func() (*client.Client, error)
}

func (c *watchedClient) EndpointOf(op kmsapi.Operation) string { return c.configured.EndpointOf(op) }

func (c *watchedClient) Instance(id string) kms {
	return &watchedClient{watched: c.watched, configured: c.configured.Instance(id), real: c.real}
}

func (c *watchedClient) Close() {
	c.watched.mu.Lock()
	defer c.watched.mu.Unlock()
	c.watched.closed++
}

// Do calls the service between the hooks of the test.
func (c *watchedClient) Do(ctx context.Context, q kmsapi.Request) (kmsapi.Response, error) {
	c.watched.note(q, c.EndpointOf(q.Operation()))
	if before := c.watched.before; before != nil {
		if err := before(ctx, q); err != nil {
			return nil, err
		}
	}
	if instead := c.watched.instead; instead != nil {
		if answer, err := instead(q); answer != nil || err != nil {
			return answer, err
		}
	}
	direct, err := c.real()
	if err != nil {
		return nil, err
	}
	answer, err := direct.Do(ctx, q)
	if after := c.watched.after; after != nil && err == nil {
		if err := after(ctx, q); err != nil {
			return nil, err
		}
	}
	return answer, err
}

// answered returns e as in an answer of the service, with a request id.
func answered(e *kmsapi.Error) *kmsapi.Error {
	got := *e
	got.RequestID = "request-1"
	return &got
}

// encryptDirectly encrypts without Vault.
func (r *rig) encryptDirectly(keyID, text string) (blob string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	defer direct.Close()
	answer, err := direct.Encrypt(r.t.Context(), &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(text)})
	require.NoError(r.t, err)
	return answer.CiphertextBlob
}
