package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A TransportError says that there is no answer from KMS: the connection failed, or the answer is not KMS's. Whether
// the request ran is unknown unless it is Unsent.
type TransportError struct {
	// Operation is the operation that was called.
	Operation kmsapi.Operation
	// Endpoint is the host and port that was called.
	Endpoint string
	// Unsent is set if no attempt got a connection, so KMS certainly did not run the request.
	Unsent bool
	// Err is the cause.
	Err error
}

// Error says what failed, where, why, and what to do about it.
func (e *TransportError) Error() string {
	text := fmt.Sprintf("%s at %s failed: %v", e.Operation, e.Endpoint, e.Err)
	if advice := servercert.Advice(e.Err); advice != "" {
		return text + " (" + advice + ")"
	}
	for _, hint := range hints {
		if hint.fits(e.Err) {
			return text + " (" + hint.advice + ")"
		}
	}
	return text
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// MayHaveRun reports whether a call of op that failed with err may have run anyway, so that another call might repeat
// its effect. It is false for an operation that may be repeated.
func MayHaveRun(op kmsapi.Operation, err error) bool {
	if op.Repeatable() {
		return false
	}
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		return refused.HTTPStatus >= http.StatusInternalServerError
	}
	broken, ok := errors.AsType[*TransportError](err)
	return ok && !broken.Unsent
}

var (
	errTooLarge = errors.New("the answer is larger than 1 MiB, so it did not come from KMS; check the endpoint")
	errGarbage  = errors.New("the answer did not come from KMS; check that the endpoint is a KMS of API version " +
		kmsapi.Version)
	errBroken = errors.New("the connection broke, or what came back is not HTTP; check the endpoint")
)

// ErrOldImage says that a dedicated gateway does not serve this API, because the image of its KMS instance is older
// than 3.0.0. It is the cause of a [TransportError].
var ErrOldImage = errors.New(
	"the image of the KMS instance is older than 3.0.0 and does not serve this API; its owner can upgrade the image in the console")

// A strayAnswer is a failed answer without a KMS error in it. Its body is left out, since it may quote the request.
type strayAnswer struct {
	status      int
	contentType string
	// plain is set if the request was sent without TLS.
	plain bool
}

func (s strayAnswer) Error() string {
	advice := "check the endpoint and the proxy"
	if s.plain && s.status == http.StatusBadRequest {
		advice = "or KMS, which expects TLS; check the scheme of the endpoint"
	}
	return fmt.Sprintf("HTTP %d %s with content type %q, and no KMS error with it; something other than KMS answered, %s",
		s.status, http.StatusText(s.status), s.contentType, advice)
}

const lateAdvice = "there was no answer in time; check the endpoint and the network, or allow more time"

// hints say what to do about errors of the standard library. The first that matches is taken.
var hints = []struct {
	fits   func(error) bool
	advice string
}{
	{isError(context.Canceled), "the caller gave up"},
	{isError(context.DeadlineExceeded), lateAdvice},
	{isProxy, "the connection goes through a proxy; check it, and the setting that names it: the configuration, or the variables HTTPS_PROXY and NO_PROXY of this process"},
	{is[x509.UnknownAuthorityError], "if the server is the right one, set CACert to the certificate of the authority that signed its certificate"},
	{is[x509.CertificateInvalidError], "the server's certificate can't be used now; check it, and the clocks of both sides"},
	{is[tls.RecordHeaderError], "the endpoint does not speak TLS; check host and port"},
	{is[*net.DNSError], "the host name was not resolved; check region, network, endpoint and DNS"},
	{isDial, "no connection was made; check region, network and endpoint, that the service runs, and that no firewall is in the way"},
	{isTimeout, lateAdvice},
	{isError(io.EOF), "the connection broke before there was an answer"},
	{isError(io.ErrUnexpectedEOF), "the connection broke in the middle of the answer"},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// isProxy finds errors in connecting to a proxy, and refusals by one.
func isProxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "proxyconnect" || is[proxyRefusal](err)
}

// A proxyRefusal is the status line of a proxy that opens no connection.
type proxyRefusal struct{ status string }

func (p proxyRefusal) Error() string { return "the proxy refused the connection: " + p.status }

// proxyAnswered keeps net/http from making an error of its own, which does not mention a proxy.
func proxyAnswered(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return proxyRefusal{resp.Status}
	}
	return nil
}

// isTimeout finds net/http's own timeouts, such as that of the TLS handshake.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// refused names the operation in the error of a call that KMS refused. All other errors name it themselves.
func refused(op kmsapi.Operation, err error) error {
	if _, bare := err.(*kmsapi.Error); bare {
		return fmt.Errorf("%s: %w", op, err)
	}
	return err
}

// ErrNotUTF8 says that a request was not sent because a parameter is not UTF-8, which KMS would have refused.
var ErrNotUTF8 = errors.New("must be UTF-8: encode bytes as base64, as EncryptBytes does")

// checkParams refuses what KMS can't read.
func checkParams(op kmsapi.Operation, params kmsapi.Params) error {
	for _, p := range params {
		if !utf8.ValidString(p.Value) {
			return fmt.Errorf("%s was not sent: the parameter %q %w", op, p.Name, ErrNotUTF8)
		}
	}
	return nil
}

// gaveUp returns why ctx is done, so that [errors.Is] finds both [context.Canceled] or [context.DeadlineExceeded] and
// the cause that the caller may have given.
func gaveUp(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
