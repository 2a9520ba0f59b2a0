package client

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// classify decodes a good reply into answer, and returns a failure for any other.
func (c *Client) classify(g *gateway, op kmsapi.Operation, r reply, answer kmsapi.Response) *failure {
	if r.status/100 == 2 {
		if !decode(op, r.body, answer) {
			return &failure{err: g.failed(op, errGarbage)}
		}
		return nil
	}
	if bytes.Contains(r.body, oldImageMark) {
		return &failure{err: g.failed(op, ErrOldImage), unrun: true}
	}
	f := &failure{transient: r.status >= http.StatusInternalServerError, retryAfter: c.retryAfter(r.header)}
	refusal := parseRefusal(r)
	if refusal == nil {
		f.err = g.failed(op, strayAnswer{r.status, r.header.Get("Content-Type"), g.url.Scheme == "http"})
		return f
	}
	kind := refusal.Kind()
	f.err = refusal
	f.credentials = kind.BlamesCredentials()
	f.throttled = kind == kmsapi.KindThrottle
	f.unrun = f.throttled
	f.transient = f.transient || f.unrun || kind == kmsapi.KindTemporary
	if kind == kmsapi.KindClock {
		f.serverTime, _ = http.ParseTime(r.header.Get("Date"))
	}
	return f
}

// oldImageMark is a header that an instance asks for if its image is too old for this API. The instance spells it with
// three c's.
var oldImageMark = []byte("x-kms-acccesskeyid")

// decode reads a good answer, and reports whether it is one. It refuses invalid UTF-8, which encoding/json would
// change.
func decode(op kmsapi.Operation, body []byte, answer kmsapi.Response) bool {
	return utf8.Valid(body) && json.Unmarshal(body, answer) == nil && answer.ID() != "" && op.MissingField(answer) == ""
}

// parseRefusal returns the KMS error (§1.5) in r, and nil if there is none.
func parseRefusal(r reply) *kmsapi.Error {
	// HttpStatus is left out: the status line has it.
	var body struct {
		Code                       kmsapi.Code
		Message, RequestId, HostId string
	}
	if json.Unmarshal(r.body, &body) != nil || body.Code == "" {
		return nil
	}
	return &kmsapi.Error{
		Code:       body.Code,
		HTTPStatus: r.status,
		Message:    withoutStringToSign(body.Message),
		RequestID:  body.RequestId,
		HostID:     body.HostId,
	}
}

// withoutStringToSign cuts message where Alibaba Cloud's gateway repeats the string to sign of a request whose
// signature does not match. That string holds every parameter, including the plaintext and the security token. "%2F&"
// is near the beginning of every string to sign (§1.4).
func withoutStringToSign(message string) string {
	before, _, found := strings.Cut(message, "%2F&")
	if found {
		return before + "… [redacted]"
	}
	return message
}

// retryAfter reads the Retry-After header, in seconds or as a date. It returns 0 for one that it can't read.
func (c *Client) retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(c.cfg.Clock()), 0)
	}
	return 0
}
