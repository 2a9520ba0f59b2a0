package etcd

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
)

// currentTLS begins each connection with the configuration of that moment, so that certificates and CAs can be replaced
// while the client is in use. Connections that are open stay.
type currentTLS struct {
	// The rest does not depend on the configuration.
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
