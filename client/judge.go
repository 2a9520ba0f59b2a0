package client

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// judge fills answer from a good reply, and says what is wrong with any other.
func (c *Client) judge(op kmsapi.Operation, r reply, answer kmsapi.Response) *failure {
	if r.status/100 == 2 {
		if !decode(r.body, answer) {
			return &failure{err: c.transportError(op, errGarbage)}
		}
		return nil
	}
	f := &failure{transient: r.status >= http.StatusInternalServerError, retryAfter: c.retryAfter(r.header)}
	refusal := parseRefusal(r)
	if refusal == nil {
		f.err = c.transportError(op, strayStatus(r.status))
		return f
	}
	f.err = refusal
	f.credentials = refusesCredentials[refusal.Code]
	f.unrun = throttled(refusal.Code)
	f.transient = f.transient || f.unrun || temporary[refusal.Code]
	if timestampOff[refusal.Code] {
		f.date, _ = http.ParseTime(r.header.Get("Date"))
	}
	return f
}

// decode reads a good answer. encoding/json would change text that is not UTF-8, so that is refused.
func decode(body []byte, answer kmsapi.Response) bool {
	return utf8.Valid(body) && json.Unmarshal(body, answer) == nil && answer.ID() != "" && complete(answer)
}

// complete reports whether answer has what the operation is for. Who stored an empty ciphertext would have lost the data.
func complete(answer kmsapi.Response) bool {
	switch a := answer.(type) {
	case *kmsapi.CreateKeyResponse:
		return a.KeyMetadata.KeyId != ""
	case *kmsapi.DescribeKeyResponse:
		return a.KeyMetadata.KeyId != ""
	case *kmsapi.EncryptResponse:
		return a.CiphertextBlob != ""
	case *kmsapi.DecryptResponse:
		return a.KeyId != "" && !a.Plaintext.IsEmpty()
	case *kmsapi.GenerateDataKeyResponse:
		return a.CiphertextBlob != "" && !a.Plaintext.IsEmpty()
	case *kmsapi.GetParametersForImportResponse:
		return a.ImportToken != "" && a.PublicKey != ""
	default:
		return true
	}
}

// parseRefusal returns the KMS error (§1.5) in r, and nil if there is none.
func parseRefusal(r reply) *kmsapi.Error {
	// HttpStatus is left out: the status line says it.
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

// withoutStringToSign cuts message where Alibaba Cloud's gateway repeats the string to sign of a request whose signature
// does not match. It holds every parameter, so the plaintext and the security token too. "%2F&" stands near the beginning
// of every string to sign (§1.4).
func withoutStringToSign(message string) string {
	before, _, found := strings.Cut(message, "%2F&")
	if found {
		return before + "… [redacted]"
	}
	return message
}

// throttled refusals come before KMS acts on a request. The gateway's codes are Throttling and Throttling.something.
func throttled(code kmsapi.Code) bool {
	return code == kmsapi.ErrThrottling.Code || code == "Throttling" || strings.HasPrefix(string(code), "Throttling.")
}

// temporary are the codes of the reference that ask for another attempt, whatever their status.
var temporary = map[kmsapi.Code]bool{
	kmsapi.ErrServiceUnavailable.Code: true,
	kmsapi.ErrInternalFailure.Code:    true,
}

// timestampOff are the codes of KMS, of the gateway and of dedicated instances for a timestamp that is too old or too new.
var timestampOff = map[kmsapi.Code]bool{
	kmsapi.ErrIllegalTimestamp.Code: true,
	"InvalidTimeStamp.Expired":      true,
	"RequestTimeTooSkewed":          true,
}

// retryAfter reads the Retry-After header, in seconds or as a date; what it can't read is 0.
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
