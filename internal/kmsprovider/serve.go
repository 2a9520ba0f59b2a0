package kmsprovider

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc"
	kms "k8s.io/kms/apis/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/unixsocket"
)

// Listening says where a [Provider] listens.
type Listening struct {
	// Socket is the path of the Unix socket. It has mode 0600, and is removed at the end. A socket that is in use is an
	// error, and so is a folder that everyone may write to; one that a killed process has left is replaced. Beside it
	// is a file with a name that ends in .lock, which stays.
	Socket string
	// Ops is the host:port of metrics and health; empty means that there are none.
	Ops string
	// Ready is called once the provider serves, with the host:port of Ops. It may be nil.
	Ready func(ops string)
}

const (
	// maxMessage bounds a request, in bytes. The API server's have up to 32 KiB of annotations, and 2 of other fields.
	maxMessage = 64 << 10
	// maxRequests is how many requests of a connection may be open. The API server has one connection, and by default
	// reads 600 objects at a time; if those were as many as this, Status would have to wait for them.
	maxRequests = 2048
	// maxRunning is how many of them may call the backend at the same time.
	maxRunning = 256
	// stopTimeout ends the requests that still run when the provider stops.
	stopTimeout = 5 * time.Second
)

// Serve checks the key and serves until ctx ends; then it lets running requests end and returns nil. A key that can't
// be used is not an error: Status says so, until it can.
func (p *Provider) Serve(ctx context.Context, l Listening) (err error) {
	if err := unixsocket.Check(l.Socket); err != nil {
		return err
	}
	unlock, err := lock(l.Socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	ops, err := p.listenOps(l.Ops)
	if err != nil {
		return err
	}
	defer ops.close()
	if _ = p.Check(ctx); ctx.Err() != nil { // Check logs its error.
		return nil
	}
	socket, err := unixsocket.Listen(l.Socket)
	if err != nil {
		return err
	}
	return p.serve(ctx, socket, func() {
		if l.Ready != nil {
			l.Ready(ops.address())
		}
	})
}

// errSocketGone ends a provider, so that whatever started it starts it again.
var errSocketGone = errors.New("the socket was removed or replaced")

// serve serves on a socket, and watches key and socket meanwhile.
func (p *Provider) serve(ctx context.Context, socket *unixsocket.Listener, ready func()) error {
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxRequests),
		grpc.ConnectionTimeout(p.options.Timeout), grpc.UnaryInterceptor(p.observe),
	)
	kms.RegisterKeyManagementServiceServer(server, p)
	ctx, cancel := context.WithCancelCause(ctx)
	var background sync.WaitGroup
	background.Go(func() { cancel(p.watch(ctx, socket)) })
	background.Go(func() {
		<-ctx.Done()
		stop(server)
	})
	ready()
	err := server.Serve(socket)
	cancel(nil)
	background.Wait()
	switch {
	case errors.Is(context.Cause(ctx), errSocketGone):
		return errSocketGone
	case errors.Is(err, grpc.ErrServerStopped):
		return nil
	default:
		return err
	}
}

// stop lets running requests end, for a while.
func stop(server *grpc.Server) {
	late := time.AfterFunc(stopTimeout, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}
