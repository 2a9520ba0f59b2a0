package etcd

import (
	"context"
	"errors"

	"google.golang.org/grpc/status"
)

// tries keeps gRPC's last error for a request that no member has answered. etcd's client reports only a timeout, not
// that the connection or a certificate was refused.
type tries struct{ last error }

// triesOf is the key of the tries in the context of a request.
type triesOf struct{}

// of returns a context for one request whose tries are recorded in t.
func (t *tries) of(ctx context.Context) context.Context { return context.WithValue(ctx, triesOf{}, t) }

// note records the error of a try. Calls for one request never overlap.
func (t *tries) note(err error) {
	if s, ok := status.FromError(err); ok && err != nil {
		t.last = errors.New(s.Message())
	}
}

// why returns the error to report for a request that ended with err.
func (t *tries) why(err error) error {
	if over := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled); over && t.last != nil {
		return t.last
	}
	return err
}
