package alicloudkms

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/once"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// kms is what the engine needs of KMS.
type kms interface {
	client.Doer
	// Instance returns a client for the keys of a KMS instance, as [client.Client.Instance] does.
	Instance(id string) kms
	// EndpointOf is the host and port that requests of op go to.
	EndpointOf(op kmsapi.Operation) string
	// Close closes idle connections. Calls in flight are not affected.
	Close()
}

// kmsClient is the kms that calls KMS.
type kmsClient struct{ *client.Client }

func (c kmsClient) Instance(id string) kms { return kmsClient{c.Client.Instance(id)} }

func openClient(c client.Config) (kms, error) {
	opened, err := client.New(c)
	if err != nil {
		return nil, err
	}
	return kmsClient{opened}, nil
}

// A connection is a client for KMS with the rest of its configuration. It never changes.
type connection struct {
	kms    kms
	log    hclog.Logger
	region string
	// identity distinguishes connections to different accounts or endpoints. It holds no secret.
	identity string
	// borrowed says that the credentials are not those of the configuration, but of a role or the environment.
	borrowed bool
	// epoch is unique among the connections of the mount: a data key unwrapped over one of them is not used by another.
	epoch uint64
	// cacheTTL is how long an unwrapped data key is used. With 0, each request asks KMS.
	cacheTTL time.Duration
	// parallel is how many items of one batch are worked on at a time.
	parallel int
	// slots bounds the calls in flight to the shared gateway, and dataSlots those that use a key. They are the same
	// unless keys are used over the dedicated gateway.
	slots, dataSlots slots

	// shortcutsClosed remembers which shortcuts KMS does not offer for which CMKs.
	shortcutsClosed *once.Recent
	// facts holds what KMS has recently said about CMKs.
	facts *once.Fresh[cmkFacts]

	// instance is the KMS instance in which new keys are made. If it is empty, KMS decides.
	instance string
	// dedicated is the connection for the keys of instance, if they are used over its dedicated gateway. In that
	// connection, it points to itself.
	dedicated *connection
	// shared is the connection that dedicated was made from, for all other keys. It is nil unless this is dedicated.
	shared *connection
	// ca is the CA of the dedicated gateway.
	ca *instanceCA
}

// An instanceCA is the CA that a connection trusts for the dedicated gateway.
type instanceCA struct {
	pem string
	// learned says that the CA came from KMS, so that it may be read again.
	learned bool
	// reread is set once the CA was read again: reading it a second time would give the same.
	reread atomic.Bool
}

// slots bounds calls in flight; nil means no bound. A call puts a value in, and takes one out when it ends.
type slots chan struct{}

func newSlots(n int) slots {
	if n == 0 {
		return nil
	}
	return make(slots, n)
}

// take waits for a slot, which the caller must release when the call has ended.
func (s slots) take(ctx context.Context) error {
	if s == nil {
		return nil
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) release() {
	if s != nil {
		<-s
	}
}

// connect makes a connection from a configuration, without I/O. It refuses a configuration that no client can use.
func (b *backend) connect(c *config) (*connection, error) {
	if err := c.checkEnvironment(b.process); err != nil {
		return nil, err
	}
	settings, err := c.client()
	if err != nil {
		return nil, c.invalid(err)
	}
	opened, err := b.process.open(settings)
	if err != nil {
		return nil, c.invalid(err)
	}
	conn := &connection{
		kms:      opened,
		log:      b.Logger(),
		region:   c.Region,
		identity: c.identity(),
		borrowed: c.borrowed(),
		epoch:    b.epochs.Add(1),
		cacheTTL: time.Duration(c.CacheTTL) * time.Second,
		parallel: defaultBatchParallel,
		slots:    newSlots(c.MaxParallel),
		instance: c.Instance.ID,

		shortcutsClosed: once.NewRecent(shortcutPause, func() time.Time { return b.process.now() }),
		facts:           newFacts(b),
	}
	conn.dataSlots = conn.slots
	if c.MaxParallel > 0 {
		conn.parallel = min(c.MaxParallel, maxBatchParallel)
	}
	if c.Instance.isDedicated() {
		conn.ca = &instanceCA{pem: c.Instance.CACert, learned: c.Instance.CALearned}
		conn.dedicated = conn.toInstance(newSlots(c.MaxParallel))
	}
	return conn, nil
}

// toInstance returns the connection to the dedicated gateway of c's instance.
func (c *connection) toInstance(data slots) *connection {
	view := *c
	view.kms, view.dataSlots = c.kms.Instance(c.instance), data
	view.dedicated, view.shared = &view, c
	return &view
}

// of returns the connection for the keys of a KMS instance. Only those of the configured instance may have a gateway of
// their own; all others are used over the shared one.
func (c *connection) of(instance string) *connection {
	switch {
	case c.dedicated != nil && instance == c.instance:
		return c.dedicated
	case c.shared != nil:
		return c.shared
	default:
		return c
	}
}

// slotsOf returns the bound on calls to the gateway that op goes to.
func (c *connection) slotsOf(op kmsapi.Operation) slots {
	if op.Plane() == kmsapi.DataPlane {
		return c.dataSlots
	}
	return c.slots
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

// call sends a request to KMS; everything in the engine does so through it. Its errors name the operation.
func call[A any](ctx context.Context, c *connection, q kmsapi.RequestFor[A]) (*A, error) {
	op := q.Operation()
	failed := func(err error, unsent bool) error {
		return &callError{op: op, err: err, unsent: unsent, borrowed: c.borrowed, gateway: c.gatewayOf(op)}
	}
	slots := c.slotsOf(op)
	if err := slots.take(ctx); err != nil {
		return nil, failed(err, true)
	}
	defer slots.release()
	if err := ctx.Err(); err != nil { // A cancelled batch may have many calls left.
		return nil, failed(err, true)
	}
	defer c.forgetFacts(op)
	timer := c.startTimer()
	answer, err := client.Do(ctx, c.kms, q)
	if err != nil {
		c.logCall(ctx, timer, q, nil, err)
		return nil, failed(err, isUnsent(err))
	}
	c.logCall(ctx, timer, q, any(answer).(kmsapi.Response), nil)
	return answer, nil
}

// isUnsent reports whether KMS certainly did not run a call that failed, because it never got it, does not serve the
// API, or refused the credentials.
func isUnsent(err error) bool {
	if unreachable, ok := errors.AsType[*client.TransportError](err); ok {
		return unreachable.Unsent || errors.Is(err, client.ErrOldImage)
	}
	_, missing := errors.AsType[*client.CredentialsError](err)
	return missing
}
