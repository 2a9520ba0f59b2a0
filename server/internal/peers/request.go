package peers

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Request is a client's request that a standby has received completely.
type Request struct {
	// Gateway is the KMS instance whose dedicated gateway has received the request, or empty for the shared gateway.
	Gateway string
	// Method, Target and Host are as the client has sent them; Target is the request target of the first line.
	Method, Target, Host string
	// RemoteAddr is the client's address and port.
	RemoteAddr string
	// Header has the canonical names of [http.Header]. It does not change after the call.
	Header http.Header
	Body   []byte
}

// NewRequest returns the Request for r, which gateway has received and whose body has been read.
func NewRequest(r *http.Request, gateway string, body []byte) Request {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	return Request{
		Gateway: gateway, Method: r.Method, Target: target, Host: r.Host, RemoteAddr: r.RemoteAddr,
		Header: r.Header, Body: body,
	}
}

// Bounds of a message, in bytes.
const (
	// headRoom is how far the head of a request may exceed the limit of its header: the first line, and what net/http
	// lets pass.
	headRoom = 64 << 10
	maxName  = 128
)

// limits bound requests on both ends of a link.
type limits struct{ head, body int }

func newLimits(maxRequestBytes int) limits {
	return limits{maxRequestBytes + headRoom, maxRequestBytes}
}

// request returns the longest content of a request's frame: the expiry, and a message of two parts, each after its
// length.
func (l limits) request() int { return expirySize + l.head + l.body + 2*maxLength }

// maxLength is how many bytes the length of a part takes at most.
const maxLength = 5

// append appends r as a message: the length of the head, the head, and the body.
func (r Request) append(message []byte) []byte {
	head := appendField(nil, r.Gateway)
	for _, s := range []string{r.Method, r.Target, r.Host, r.RemoteAddr} {
		head = appendField(head, s)
	}
	head = appendHeader(head, r.Header)
	message = appendField(message, head)
	return append(message, r.Body...)
}

// parseRequest reads the message of a request. An error is returned if it exceeds the limits.
func parseRequest(message []byte, l limits) (r Request, target *url.URL, err error) {
	size, at := headSize(message)
	if at == 0 || size > l.head || size > len(message)-at || len(message)-at-size > l.body {
		return r, nil, errMessage
	}
	f := fields{rest: string(message[at : at+size])}
	r = Request{
		Gateway: f.field(), Method: f.field(), Target: f.field(), Host: f.field(), RemoteAddr: f.field(),
		Header: f.header(), Body: message[at+size:],
	}
	if f.err != nil || f.rest != "" || !r.isSound() {
		return Request{}, nil, errMessage
	}
	if target, err = parseTarget(r.Method, r.Target); err != nil {
		return Request{}, nil, errMessage
	}
	return r, target, nil
}

// headSize returns the length of the head and where it begins, or 0.
func headSize(message []byte) (size, at int) {
	f := fields{rest: string(message[:min(len(message), maxLength)])}
	before := len(f.rest)
	size = int(f.number()) // maxLength bytes hold at most 35 bits.
	if f.err != nil {
		return 0, 0
	}
	return size, before - len(f.rest)
}

func (r Request) isSound() bool {
	if r.RemoteAddr != "" {
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			return false
		}
	}
	return len(r.Gateway) <= maxName && isFieldValue(r.Gateway) && isToken(r.Method) && isFieldValue(r.Host) &&
		isFieldValue(r.RemoteAddr)
}

// parseTarget reads the target of a request as net/http does.
func parseTarget(method, target string) (*url.URL, error) {
	if method != http.MethodConnect || strings.HasPrefix(target, "/") {
		return url.ParseRequestURI(target)
	}
	u, err := url.ParseRequestURI("http://" + target) // The target of CONNECT is only host and port.
	if err == nil {
		u.Scheme = ""
	}
	return u, err
}

// http returns r as the request that net/http would pass to a handler.
func (r Request) http(ctx context.Context, target *url.URL) *http.Request {
	request := &http.Request{
		Method: r.Method, URL: target, RequestURI: r.Target, Host: r.Host, RemoteAddr: r.RemoteAddr,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, ContentLength: int64(len(r.Body)), Body: io.NopCloser(bytes.NewReader(r.Body)),
	}
	return request.WithContext(ctx)
}
