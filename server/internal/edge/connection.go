package edge

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

// Connection is the connection that a request was received on.
type Connection interface {
	gate.Connection
	// Handled says that a request has reached the service.
	Handled()
	// AwaitLarge waits until a request that is larger than [TrustedBytes] may be received. It returns at once if the
	// connection has carried a valid signature. After an error the request must not be served.
	AwaitLarge(context.Context) error
}

// Forwarded is the Connection of a request that another node has forwarded.
type Forwarded interface {
	Connection
	// ForwardedBy returns the name of that node.
	ForwardedBy() string
}

type connectionKey struct{}

// WithConnection returns ctx for requests that are received on c.
func WithConnection(ctx context.Context, c Connection) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

func connectionOf(ctx context.Context) Connection {
	if c, ok := ctx.Value(connectionKey{}).(Connection); ok {
		return c
	}
	return unlimited{}
}

// unlimited is the Connection of a request that did not come over a network.
type unlimited struct{}

func (unlimited) Handled()                         {}
func (unlimited) Authenticated()                   {}
func (unlimited) AwaitLarge(context.Context) error { return nil }
