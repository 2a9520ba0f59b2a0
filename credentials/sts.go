package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/cloudcall"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const stsVersion = "2015-04-01"

// stsAnswer is a successful answer to AssumeRole.
type stsAnswer struct {
	Credentials struct {
		AccessKeyId                    string
		AccessKeySecret, SecurityToken kmsapi.Secret
		Expiration                     time.Time
	}
	// date is when STS answered, by its own clock.
	date time.Time
}

var errNoSession = errors.New("the answer has no session of a role; check the endpoint of STS")

// post sends a form to STS.
func (r *role) post(ctx context.Context, form string) (*stsAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.sts.String(), strings.NewReader(form))
	if err != nil {
		return nil, r.failed(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := cloudcall.Send(ctx, r.transport(), req)
	if err != nil {
		return nil, r.failed(err)
	}
	return r.read(answer)
}

func (r *role) read(a *cloudcall.Answer) (*stsAnswer, error) {
	if a.Status != http.StatusOK {
		refused := a.Refusal()
		return nil, &STSError{
			Code: refused.Code, RequestID: refused.RequestID, Endpoint: r.sts.Host, HTTPStatus: a.Status,
		}
	}
	answer := &stsAnswer{date: a.Date}
	if json.Unmarshal(a.Body, answer) != nil {
		return nil, r.failed(errNoSession)
	}
	return answer, nil
}

func (r *role) failed(err error) error {
	return fmt.Errorf("AssumeRole at %s failed: %w", r.sts.Host, err)
}

// An STSError is a refusal by STS, without its message, which may quote the request.
type STSError struct {
	// Code is empty if something other than STS answered.
	Code kmsapi.Code
	// RequestID identifies the request in Alibaba Cloud's records.
	RequestID string
	// Endpoint is the host that was called, and HTTPStatus the status of its answer.
	Endpoint   string
	HTTPStatus int
}

// Error returns the code, the endpoint and the request id, and says what to do.
func (e *STSError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("AssumeRole at %s was answered with HTTP %d, but no error of STS; check the endpoint of STS and the proxy",
			e.Endpoint, e.HTTPStatus)
	}
	message := fmt.Sprintf("STS at %s refused to assume the role: %s", e.Endpoint, e.Code)
	if e.RequestID != "" {
		message += fmt.Sprintf(" (request id %s)", e.RequestID)
	}
	advice := adviceByCode[e.Code]
	if advice == "" {
		advice = adviceByKind[e.Code.Kind()]
	}
	if advice != "" {
		message += "; " + advice
	}
	return message
}

// adviceByKind is for codes that STS shares with KMS.
var adviceByKind = map[kmsapi.Kind]string{
	kmsapi.KindAccessKeyUnknown:  keyAdvice,
	kmsapi.KindAccessKeyDisabled: keyAdvice,
	kmsapi.KindSignature:         keyAdvice,
	kmsapi.KindSecurityToken:     keyAdvice,
	kmsapi.KindClock:             "the clock of this server is off; set it, for example with NTP",
}

const keyAdvice = "the access key, its secret or its security token is not valid, or no longer valid"

// adviceByCode is for codes that only STS has.
var adviceByCode = map[kmsapi.Code]string{
	"NoPermission":             "the RAM user needs sts:AssumeRole on the role, and the role's trust policy must name the user, and the external id if it requires one",
	"EntityNotExist.Role":      "there is no such role; check its ARN",
	"InvalidParameter.RoleArn": "that is not the ARN of a role",
	"InvalidSecurityToken":     keyAdvice,
}
