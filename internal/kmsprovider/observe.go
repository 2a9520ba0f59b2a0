package kmsprovider

import (
	"context"
	"path"

	"google.golang.org/grpc"
)

// observe ends a request in time, counts it, and logs why it failed. What was encrypted or decrypted is in no log.
func (p *Provider) observe(
	ctx context.Context, r any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	limited, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	began := p.options.Clock()
	answer, err := handle(limited, r)
	method := path.Base(info.FullMethod)
	p.metrics.answered(method, codeOf(err), p.options.Clock().Sub(began))
	if err == nil {
		return answer, nil
	}
	if p.failures.Allow() {
		p.options.Log.Error("a request failed", "method", method, "uid", uidOf(r), "code", codeOf(err), "error", oneLine(err))
	}
	return nil, onTheWire(err)
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
