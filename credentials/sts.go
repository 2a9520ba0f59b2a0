package credentials

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	stsVersion = "2015-04-01"
	// stsTimeout limits one request to STS.
	stsTimeout = 10 * time.Second
	// maxSTSAnswer limits an answer of STS, in bytes. A real one has 1.5 KB.
	maxSTSAnswer = 64 << 10
	// maxSTSName limits a code or request id that an error shows.
	maxSTSName = 64
)

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

var (
	errNoSession = errors.New("the answer has no session of a role; check the endpoint of STS")
	errSTSBroken = errors.New("the answer was incomplete; check the endpoint of STS, the network and the proxy")
)

// newTransport returns a transport that keeps no connections, since sessions are rarely requested. STS needs only
// HTTP/1.1. caCert was checked.
func newTransport(caCert string) *http.Transport {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // The system has none.
	}
	roots.AppendCertsFromPEM([]byte(caCert))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		Protocols:         protocols,
		DisableKeepAlives: true,
	}
}

// post sends a form to STS. It calls the transport itself, because an [http.Client] would follow redirects and put the
// URL into errors.
func (r *role) post(ctx context.Context, form string) (*stsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.sts.String(), strings.NewReader(form))
	if err != nil {
		return nil, r.failed(errSTSBroken)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := r.transport().RoundTrip(req)
	if err != nil {
		return nil, r.failed(safeCause(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSTSAnswer+1))
	if err != nil || len(body) > maxSTSAnswer {
		return nil, r.failed(errSTSBroken)
	}
	return r.read(resp, body)
}

func (r *role) read(resp *http.Response, body []byte) (*stsAnswer, error) {
	if resp.StatusCode != http.StatusOK {
		refused := new(STSError)
		if json.Unmarshal(body, refused) != nil || len(refused.Code) > maxSTSName || len(refused.RequestID) > maxSTSName {
			refused = new(STSError) // It did not come from STS.
		}
		refused.Endpoint, refused.HTTPStatus = r.sts.Host, resp.StatusCode
		return nil, refused
	}
	answer := new(stsAnswer)
	if json.Unmarshal(body, answer) != nil {
		return nil, r.failed(errNoSession)
	}
	answer.date, _ = http.ParseTime(resp.Header.Get("Date"))
	return answer, nil
}

func (r *role) failed(err error) error {
	return fmt.Errorf("AssumeRole at %s failed: %w", r.sts.Host, err)
}

// safeCause returns err if its message can't contain anything that was received.
func safeCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		advice := cmp.Or(servercert.Advice(untrusted),
			"if the server is the right one, give the CA certificate that signed its certificate")
		return fmt.Errorf("%w (%s)", servercert.Explain(untrusted.Err), advice)
	}
	if unreachable, ok := errors.AsType[net.Error](err); ok {
		return unreachable
	}
	return errSTSBroken
}

// An STSError is a refusal by STS, without its message, which may quote the request.
type STSError struct {
	// Code is empty if something other than STS answered.
	Code kmsapi.Code
	// RequestID identifies the request in Alibaba Cloud's records.
	RequestID string `json:"RequestId"`
	// Endpoint is the host that was called, and HTTPStatus the status of its answer.
	Endpoint   string `json:"-"`
	HTTPStatus int    `json:"-"`
}

// Error has the code, the endpoint and the request id, and says what to do.
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
