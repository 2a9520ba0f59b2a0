package kmsprovider

import (
	"context"
	"fmt"
	"path"

	"google.golang.org/grpc"
	kms "k8s.io/kms/apis/v2"
)

// observe ends a request in time, counts it, and logs why it failed. No log has a plaintext or a ciphertext.
func (p *Provider) observe(
	ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	limited, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	began := p.options.Clock()
	method := path.Base(info.FullMethod)
	answer, err := p.inTurn(limited, r, handle)
	p.metrics.answered(method, codeOf(err), p.options.Clock().Sub(began))
	if err == nil {
		return answer, nil
	}
	if p.failures.Allow() {
		p.options.Log.Error("a request failed", "method", method, "uid", uidOf(r), "code", codeOf(err), "error", oneLine(err))
	}
	return nil, onTheWire(err)
}

// inTurn handles a request when its turn comes. Status does not wait for one.
func (p *Provider) inTurn(ctx context.Context, r any, handle grpc.UnaryHandler) (any, error) {
	if _, ok := r.(*kms.StatusRequest); ok {
		return handle(ctx, r)
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
		return handle(ctx, r)
	case <-ctx.Done():
		return nil, fmt.Errorf("%d other requests wait for the key: %w", maxRunning, ctx.Err())
	}
}

// uidOf returns the id that the API server has given a request, by which its own log names it.
func uidOf(r any) string {
	const longest = 64
	named, ok := r.(interface{ GetUid() string })
	if !ok {
		return ""
	}
	uid := named.GetUid()
	return uid[:min(len(uid), longest)]
}
