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
	"strings"
	"sync/atomic"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxAnswer is the most that an answer's body may have. The longest of KMS, a page of keys, has some 20 KB.
const maxAnswer = 1 << 20

// A reply is a whole answer, from KMS or from whatever else is at the endpoint.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// attempt sends one request and reads its answer, within the time for one attempt.
func (c *Client) attempt(ctx context.Context, op kmsapi.Operation, form string, answer kmsapi.Response) *failure {
	var connected atomic.Bool
	limited, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	r, err := c.exchange(limited, op, form)
	if err == nil {
		f := c.classify(op, r, answer)
		if f == nil || !is[*TransportError](f.err) || limited.Err() == nil {
			return f
		}
		// A server that sees us hang up ends its answer early, and net/http may still take that for a whole one.
		err = limited.Err()
	}
	switch {
	case ctx.Err() != nil:
		return &failure{err: c.transportError(op, gaveUp(ctx))}
	case connected.Load():
		return &failure{err: c.transportError(op, withoutContent(err)), transient: !errors.Is(err, errTooLarge)}
	default:
		unsent := &TransportError{Operation: op, Endpoint: c.Endpoint(), Unsent: true, Err: err}
		return &failure{err: unsent, transient: !isNotTrusted(err), unrun: true}
	}
}

// exchange sends form and reads the answer. It calls the transport itself, because an [http.Client] would only add
// redirects, cookies, and errors that hold the URL.
func (c *Client) exchange(ctx context.Context, op kmsapi.Operation, form string) (reply, error) {
	req := c.request(ctx, form)
	transport := c.pooled
	if !op.Repeatable() {
		// On a connection kept from before, a failure leaves open whether the request arrived, and net/http may send it
		// again on its own. On its own connection, and without GetBody, it goes out once.
		transport, req.GetBody = c.single, nil
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := readBody(resp)
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// request is what [http.NewRequestWithContext] makes, without parsing the URL each time.
func (c *Client) request(ctx context.Context, form string) *http.Request {
	body := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
	opened, _ := body() // It never fails.
	r := http.Request{
		Method: http.MethodPost, URL: c.url, Host: c.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.header, Body: opened, GetBody: body, ContentLength: int64(len(form)),
	}
	return r.WithContext(ctx)
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

// isNotTrusted reports whether err says that the other end can't prove its identity, which another attempt won't
// change.
func isNotTrusted(err error) bool {
	return is[*tls.CertificateVerificationError](err) || is[tls.RecordHeaderError](err)
}

// withoutContent returns err if its text can't hold anything that was received, and errBroken otherwise: net/http
// quotes what it can't parse, and that may be the middle of an answer.
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
