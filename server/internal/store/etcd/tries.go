package etcd

import (
	"context"
	"errors"

	"google.golang.org/grpc/status"
)

// tries is what gRPC said last of a request that no member has answered. The client of etcd says only that the time is
// over: not that the connection was refused, or that a certificate was.
type tries struct{ last error }

// triesOf is the key of the tries in the context of a request.
type triesOf struct{}

// of returns a context for one request, whose tries are noted.
func (t *tries) of(ctx context.Context) context.Context { return context.WithValue(ctx, triesOf{}, t) }

// note is called after each try, one after another.
func (t *tries) note(err error) {
	if s, ok := status.FromError(err); ok && err != nil {
		t.last = errors.New(s.Message())
	}
}

// why returns what to say of a request that ended with err.
func (t *tries) why(err error) error {
	if over := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled); over && t.last != nil {
		return t.last
	}
	return err
}
