package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// Divisors of a lease. A dead connection is noticed and closed within lease/probeEvery + lease/answerWithin.
const (
	probeEvery   = 4
	answerWithin = 4
)

// Dial makes a client of the etcd that o names, for the caller to close. It speaks TLS 1.2 or newer to members whose
// certificates lead to a CA of o.TLS at that time, and through no proxy. Connections that stop answering are closed
// well within a lease, and requests and watches go on over another one: see connections.
//
// With a username, Dial waits until a member has taken the password, or ctx ends. Otherwise it does no I/O.
func Dial(ctx context.Context, o cluster.Options) (*clientv3.Client, error) {
	for _, endpoint := range o.Endpoints {
		if strings.HasPrefix(endpoint, "https:") != (o.TLS != nil) {
			return nil, fmt.Errorf("etcd %s: https needs the CA of etcd, and plain HTTP has none", endpoint)
		}
	}
	o = o.WithDefaults()
	open := newConnections(o.Lease)
	for first := true; ; first = false {
		client, err := newClient(ctx, clientConfig(o, open))
		switch {
		case err == nil:
			go open.probe(client, o.Prefix)
			return client, nil
		case isFinal(err):
			return nil, fmt.Errorf("etcd: %w", err)
		case first:
			o.Logger.Warn("no member of etcd takes the password yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("etcd: %w: %w", context.Cause(ctx), err)
		case <-time.After(o.Lease / probeEvery):
		}
	}
}

// newClient is [clientv3.New], but gives up when ctx ends: with a username, New waits for an answer. The client itself
// does not end with ctx.
func newClient(ctx context.Context, c clientv3.Config) (*clientv3.Client, error) {
	var giveUp context.CancelFunc
	c.Context, giveUp = context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, giveUp)()
	return clientv3.New(c)
}

// isFinal reports whether another attempt to connect would fail in the same way. Any other error may come from a member
// that is down.
func isFinal(err error) bool {
	return errors.Is(err, rpctypes.ErrAuthFailed) || errors.Is(err, clientv3.ErrNoAvailableEndpoints)
}

func clientConfig(o cluster.Options, open *connections) clientv3.Config {
	c := clientv3.Config{
		Endpoints: o.Endpoints, Username: o.Username, Password: o.Password.Reveal(), DialTimeout: o.Lease,
		// Errors are returned; the client's own logger would write to standard error.
		Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(open.dial),
			grpc.WithChainUnaryInterceptor(open.unary),
			grpc.WithConnectParams(grpc.ConnectParams{
				// A member that comes back should be used again soon. gRPC's default MaxDelay is two minutes.
				Backoff: backoff.Config{
					BaseDelay: 100 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: time.Second,
				},
				MinConnectTimeout: o.Lease / answerWithin,
			}),
		},
	}
	if o.TLS != nil {
		c.TLS = o.TLS()
		c.DialOptions = append(c.DialOptions, grpc.WithTransportCredentials(newCurrentTLS(o.TLS))) // Replaces c.TLS.
	}
	return c
}
