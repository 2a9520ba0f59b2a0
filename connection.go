package alicloudkms

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// kms is what the engine needs of KMS. [client.Client] implements it.
type kms interface {
	client.Doer
	// Endpoint is the host and port that is called.
	Endpoint() string
	// Close closes idle connections; calls in flight end as they would.
	Close()
}

var _ kms = (*client.Client)(nil)

func openClient(c client.Config) (kms, error) { return client.New(c) }

// A connection is a client for KMS with what belongs to its configuration. It never changes.
type connection struct {
	kms    kms
	region string
	// identity distinguishes the account and the endpoint from others. It holds no secret.
	identity string
	// borrowed says that the credentials are not those of the configuration, but of a role or the environment.
	borrowed bool
	// slots bounds the calls in flight; nil means no bound. A call puts a value in, and takes one out when it ends.
	slots chan struct{}
	// parallel is how many items of one batch are worked on at a time.
	parallel int
}

// connect makes a connection from a configuration, without I/O. It refuses a configuration that no client can use.
func (b *backend) connect(c *config) (*connection, error) {
	settings, err := c.client()
	if err != nil {
		return nil, refusal.BadRequest("the configuration is not valid: %s", err)
	}
	opened, err := b.open(settings)
	if err != nil {
		return nil, refusal.BadRequest("the configuration is not valid: %s", err)
	}
	conn := &connection{
		kms:      opened,
		region:   c.Region,
		identity: c.identity(),
		borrowed: c.borrowed(),
		parallel: defaultBatchParallel,
	}
	if c.MaxParallel > 0 {
		conn.slots = make(chan struct{}, c.MaxParallel)
		conn.parallel = min(c.MaxParallel, maxBatchParallel)
	}
	return conn, nil
}

// connection returns the connection that the stored configuration describes.
func (b *backend) connection(ctx context.Context, req *logical.Request) (*connection, error) {
	conn, err := b.connections.Get(configPath, func() (*connection, error) {
		c, err := loadConfig(ctx, req.Storage)
		if err != nil || c == nil {
			return nil, err
		}
		return b.connect(c)
	})
	if err == nil && conn == nil {
		err = b.missing(notConfigured(req))
	}
	return conn, err
}

func (c *connection) close() { c.kms.Close() }

// call is the one way from the engine to KMS. Its errors name the operation.
func call[A any](ctx context.Context, c *connection, q kmsapi.RequestFor[A]) (*A, error) {
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return nil, &callError{op: q.Operation(), err: ctx.Err(), unsent: true}
		}
	}
	if err := ctx.Err(); err != nil { // A cancelled batch may have many calls left.
		return nil, &callError{op: q.Operation(), err: err, unsent: true}
	}
	answer, err := client.Do(ctx, c.kms, q)
	if err != nil {
		return nil, &callError{op: q.Operation(), err: err, unsent: isUnsent(err), borrowed: c.borrowed}
	}
	return answer, nil
}

// isUnsent reports whether KMS certainly did not run a call that failed, because it never got it or refused its
// credentials.
func isUnsent(err error) bool {
	if unreachable, ok := errors.AsType[*client.TransportError](err); ok {
		return unreachable.Unsent
	}
	_, missing := errors.AsType[*client.CredentialsError](err)
	return missing
}
