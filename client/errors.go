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

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A TransportError says that there is no answer of KMS: the connection failed, or what came is no such answer. Whether
// the request ran is unknown unless it is Unsent.
type TransportError struct {
	// Operation is what was called.
	Operation kmsapi.Operation
	// Endpoint is the host and port that was called.
	Endpoint string
	// Unsent is set if no attempt came as far as a connection, so that KMS surely did not run the request.
	Unsent bool
	// Err is the cause.
	Err error
}

func (c *Client) transportError(op kmsapi.Operation, err error) error {
	return &TransportError{Operation: op, Endpoint: c.Endpoint(), Err: err}
}

// Error says what failed, where, why, and what to do about it.
func (e *TransportError) Error() string {
	text := fmt.Sprintf("%s at %s failed: %v", e.Operation, e.Endpoint, e.Err)
	for _, hint := range hints {
		if hint.fits(e.Err) {
			return text + " (" + hint.advice + ")"
		}
	}
	return text
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

var (
	errTooLarge = errors.New("the answer is larger than 1 MiB, so it did not come from KMS; check the endpoint")
	errGarbage  = errors.New("the answer is not one of KMS; check that the endpoint is a KMS of API version " +
		kmsapi.Version)
	errBroken = errors.New("the connection broke, or what came back is not HTTP; check the endpoint")
)

// strayStatus is the status of an answer that is no success and has no KMS error in it.
type strayStatus int

func (s strayStatus) Error() string {
	return fmt.Sprintf("HTTP %d %s, and no KMS error with it; something other than KMS answered, check the endpoint and the proxy",
		int(s), http.StatusText(int(s)))
}

const lateAdvice = "there was no answer in time; check the endpoint and the network, or allow more time"

// hints say what to do about errors of the standard library. The first that fits is taken.
var hints = []struct {
	fits   func(error) bool
	advice string
}{
	{isError(context.Canceled), "the caller gave up"},
	{isError(context.DeadlineExceeded), lateAdvice},
	{is[x509.UnknownAuthorityError], "set ca_cert to the certificate of the authority that signed the server's, if that is right"},
	{is[x509.HostnameError], "the server's certificate is for another name; check the endpoint"},
	{is[x509.CertificateInvalidError], "the server's certificate can't be used now; check it, and the clocks of both sides"},
	{is[tls.RecordHeaderError], "the endpoint does not speak TLS; check host and port"},
	{is[*net.DNSError], "the host name was not resolved; check region, network, endpoint and DNS"},
	{isDial, "no connection was made; check region, network and endpoint, and that the way there is open"},
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

// isTimeout finds net/http's own, such as that of the TLS handshake.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
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
