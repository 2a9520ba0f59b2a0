package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxAnswer bounds an answer's body, in bytes. KMS's longest, a page of keys, has about 20 KB.
const maxAnswer = 1 << 20

// A reply is a whole answer, from KMS or from something else at the endpoint.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// attempt sends one request to g and reads its answer, within the time for one attempt.
func (c *Client) attempt(
	ctx context.Context, g *gateway, op kmsapi.Operation, form string, answer kmsapi.Response,
) *failure {
	var used usedConn
	limited, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { used.got(info, g.hung) },
	})
	r, err := g.exchange(limited, op, form)
	if err == nil {
		f := c.classify(g, op, r, answer)
		if f == nil || !is[*TransportError](f.err) || limited.Err() == nil {
			return f
		}
		// A server that notices the cancellation ends its answer early, and net/http may still take that for a whole
		// one.
		err = limited.Err()
	}
	if isTimeout(err) && ctx.Err() == nil {
		g.leave(&used)
	}
	switch {
	case ctx.Err() != nil:
		return &failure{err: g.failed(op, gaveUp(ctx))}
	case used.connected.Load():
		return &failure{err: g.failed(op, withoutContent(err)), transient: !errors.Is(err, errTooLarge)}
	default:
		unsent := &TransportError{Operation: op, Endpoint: g.String(), Unsent: true, Err: servercert.Explain(err)}
		return &failure{err: unsent, transient: !isNotTrusted(err), unrun: true}
	}
}

// usedConn is the connection of an attempt.
type usedConn struct {
	// connected is set once there is a connection, and conn before that.
	connected atomic.Bool
	conn      net.Conn
}

func (u *usedConn) got(info httptrace.GotConnInfo, h *hung) {
	u.conn = info.Conn
	u.connected.Store(true)
	if !info.Reused {
		h.connected()
	}
}

func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, errTooLarge
	}
	var body bytes.Buffer
	body.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead)
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return nil, err
	}
	if body.Len() > maxAnswer {
		return nil, errTooLarge
	}
	return body.Bytes(), nil
}

// isNotTrusted reports whether err says that the server can't prove its identity, which another attempt won't change.
func isNotTrusted(err error) bool {
	return is[*tls.CertificateVerificationError](err) || is[tls.RecordHeaderError](err)
}

// withoutContent returns err if its message can't contain anything that was received, and errBroken otherwise: net/http
// quotes what it can't parse, which may be the middle of an answer.
func withoutContent(err error) error {
	for _, safe := range []error{errTooLarge, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, safe) {
			return safe
		}
	}
	if is[net.Error](err) {
		return err
	}
	return errBroken
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
