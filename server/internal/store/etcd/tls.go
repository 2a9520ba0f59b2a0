package etcd

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
)

// currentTLS uses the current configuration for each new connection, so that certificates and CAs can be replaced while
// the client is in use. Open connections stay open.
type currentTLS struct {
	// The other methods don't depend on the configuration.
	credentials.TransportCredentials
	config func() *tls.Config
}

func newCurrentTLS(config func() *tls.Config) currentTLS {
	return currentTLS{credentials.NewTLS(config()), config}
}

// ClientHandshake implements [credentials.TransportCredentials].
func (c currentTLS) ClientHandshake(
	ctx context.Context, authority string, conn net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(c.config()).ClientHandshake(ctx, authority, conn)
}

// Clone implements [credentials.TransportCredentials].
func (c currentTLS) Clone() credentials.TransportCredentials { return c }
