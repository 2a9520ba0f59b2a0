package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

// Edge is an [http.Handler]. It is safe for parallel use.
type Edge struct{ o Options }

// Options of [New]. All fields are required.
type Options struct {
	Gate *gate.Gate
	// Gateway is the KMS instance whose dedicated gateway this is, or empty for the shared gateway.
	Gateway string
	// MaxBytes bounds the body of a request.
	MaxBytes int
	// Unavailable reports whether an error is temporary, so that the same request may succeed later.
	Unavailable func(error) bool
	// Serving returns nil as long as the answers of the service count, and otherwise the refusal that each request
	// gets. It is called after a request has been received, and again before its answer leaves.
	Serving func() error
	Clock   func() time.Time
	Audit   Audit
	Metrics Metrics
	Log     *slog.Logger
}

// Audit is the audit log. [audit.Log] implements it.
type Audit interface {
	Write(audit.Record) error
	// WriteStranger writes the line of a request that was refused before it was authenticated. It may be counted
	// instead.
	WriteStranger(audit.Record) error
}

// Metrics counts answers.
type Metrics interface {
	// Answered counts a request for action, with the code of its error, or "" for success. gateway is the name of the
	// gateway that received it, as in audit lines.
	Answered(gateway, action string, code kmsapi.Code, took time.Duration)
	// Panicked counts a request that failed with a panic.
	Panicked()
}

// GatewayName returns the name of a gateway in audit lines and metrics. instance is empty for the shared gateway.
func GatewayName(instance string) string { return cmp.Or(instance, "shared") }

// New returns an edge.
func New(o Options) *Edge { return &Edge{o} }

// ServeHTTP answers one request, in the order that the package comment of server gives.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := e.begin(r)
	f, resp, err := e.answer(w, r, &line)
	if ended := e.o.Serving(); ended != nil {
		err = ended
	}
	refused := e.conclude(w, &line, err)
	if ended := e.o.Serving(); ended != nil { // The audit log may have taken long.
		refused = e.refusal(line.RequestID, ended)
	}
	if refused != nil {
		e.refuse(w, r, f, line.RequestID, refused)
		return
	}
	resp.SetRequestId(line.RequestID)
	e.write(w, f, http.StatusOK, line.RequestID, resp)
}

// begin begins the audit line of a request.
func (e *Edge) begin(r *http.Request) audit.Record {
	conn := connectionOf(r.Context())
	conn.Handled()
	line := audit.Record{
		Time: e.o.Clock(), RequestID: uuid.NewString(), SourceIP: sourceIP(r), Gateway: GatewayName(e.o.Gateway),
		Status: http.StatusOK,
	}
	if f, ok := conn.(Forwarded); ok {
		line.ForwardedBy = f.ForwardedBy()
	}
	return line
}

// conclude writes the audit line of a request that ended with err, and counts the request. It returns its refusal, or
// nil.
func (e *Edge) conclude(w http.ResponseWriter, line *audit.Record, err error) (refused *kmsapi.Error) {
	if err != nil {
		refused = e.refusal(line.RequestID, err)
		line.Status, line.Code = refused.HTTPStatus, string(refused.Code)
	}
	line.Duration = e.o.Clock().Sub(line.Time)
	write := e.o.Audit.Write
	if line.Account == "" {
		// A stranger gets only one answer on a connection, so that it can't keep connections open.
		w.Header().Set("Connection", "close")
		write = e.o.Audit.WriteStranger
	}
	if err := write(*line); err != nil {
		e.o.Log.Error("request not audited", "request_id", line.RequestID, "error", err)
		refused, line.Code = gate.ErrNotAudited, string(gate.ErrNotAudited.Code)
	}
	e.o.Metrics.Answered(line.Gateway, line.Operation, kmsapi.Code(line.Code), line.Duration)
	return refused
}

// answer does everything except auditing and replying. A panic in it fails only this request.
func (e *Edge) answer(
	w http.ResponseWriter, r *http.Request, line *audit.Record,
) (f format, resp kmsapi.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.o.Metrics.Panicked()
			e.o.Log.Error("panic", "request_id", line.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = kmsapi.ErrInternalFailure
		}
	}()
	in, f, err := receive(w, r, e.o.MaxBytes)
	if err != nil {
		return f, nil, err
	}
	if err := e.o.Serving(); err != nil {
		line.Operation, line.AccessKeyID = in.Claimed()
		return f, nil, err
	}
	in.Gateway = e.o.Gateway
	resp, err = e.o.Gate.Answer(r.Context(), &in, line)
	if err == nil {
		err = f.checkCarries(resp)
	}
	return f, resp, err
}

// refusal turns any error into one that a caller may see. An error that is not KMS's own is logged, and the caller gets
// a failure without detail.
func (e *Edge) refusal(requestID string, err error) *kmsapi.Error {
	var refused *kmsapi.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case e.o.Unavailable(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.o.Log.Error("request not served", "request_id", requestID, "error", err)
		return kmsapi.ErrServiceUnavailable
	default:
		e.o.Log.Error("request failed", "request_id", requestID, "error", err)
		return kmsapi.ErrInternalFailure
	}
}

func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, f format, requestID string, refused *kmsapi.Error) {
	if errors.Is(refused, kmsapi.ErrServiceUnavailable) {
		w.Header().Set("Retry-After", retryAfter)
	}
	e.write(w, f, refused.HTTPStatus, requestID, &kmsapi.ErrorResponse{
		HttpStatus: refused.HTTPStatus, Code: refused.Code, RequestId: requestID,
		Message: cut(refused.Message, maxMessage), HostId: cut(r.Host, maxHost),
	})
}

// retryAfter is how many seconds a client should wait after a temporary error. The cause is mostly a takeover by
// another node: a client that tries a few times within some tenths of a second gives up before the takeover ends.
const retryAfter = "1"

// Bounds of what an answer repeats from its request, in bytes. Nobody reads a longer message, and host names are
// shorter.
const maxMessage, maxHost = 4 << 10, 255

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// write writes an answer or a refusal, in the format that the request asks for.
func (e *Edge) write(w http.ResponseWriter, f format, status int, requestID string, body any) {
	encoded, err := f.encode(body)
	if err != nil {
		e.o.Log.Error("answer not encoded", "request_id", requestID, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	// Clients use Date to find out how far their clock is off, so it must come from the clock that timestamps are
	// checked against.
	h.Set("Date", e.o.Clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // The caller has gone if this fails; the operation stands, and has its audit line.
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
