package credentials

import (
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

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	stsVersion = "2015-04-01"
	// stsTimeout limits one request to STS.
	stsTimeout = 10 * time.Second
	// maxSTSAnswer is the most that an answer of STS may have. A real one has 1.5 KB.
	maxSTSAnswer = 64 << 10
	// maxSTSName bounds a code or request id that an error shows.
	maxSTSName = 64
)

// stsAnswer is a good answer to AssumeRole.
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
	errNoSession = errors.New("the answer holds no session of a role; check sts_endpoint")
	errSTSBroken = errors.New("there was no whole answer; check sts_endpoint, the network and the proxy")
	errBadCA     = errors.New("ca_cert holds no PEM certificate")
)

// newTransport keeps no connections: a session is asked for once in a long time. HTTP/1.1 is all that STS needs.
func newTransport(caCert string) (*http.Transport, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // The system has none.
	}
	if caCert != "" && !roots.AppendCertsFromPEM([]byte(caCert)) {
		return nil, errBadCA
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		Protocols:         protocols,
		DisableKeepAlives: true,
	}, nil
}

// post sends a form to STS. It calls the transport itself, because an [http.Client] would follow redirects and put the URL
// into errors.
func (r *role) post(ctx context.Context, form string) (*stsAnswer, error) {
	transport, err := r.transport()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.sts.String(), strings.NewReader(form))
	if err != nil {
		return nil, r.failed(errSTSBroken)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := transport.RoundTrip(req)
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
			refused = new(STSError) // It is no refusal of STS.
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

// safeCause returns err if its text can't hold anything that was received.
func safeCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w (set ca_cert to the certificate of the authority that signed the server's, if that is right)", untrusted.Err)
	}
	if unreachable, ok := errors.AsType[net.Error](err); ok {
		return unreachable
	}
	return errSTSBroken
}

// An STSError is a refusal by STS, without its message, which may quote the request.
type STSError struct {
	// Code is empty if something else than STS answered.
	Code kmsapi.Code
	// RequestID names the request in Alibaba Cloud's records.
	RequestID string `json:"RequestId"`
	// Endpoint is who was asked, and HTTPStatus the status of the answer.
	Endpoint   string `json:"-"`
	HTTPStatus int    `json:"-"`
}

// Error gives code, endpoint and request id, and says what to do.
func (e *STSError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("AssumeRole at %s was answered by HTTP %d, and no error of STS with it; check sts_endpoint and the proxy", e.Endpoint, e.HTTPStatus)
	}
	text := fmt.Sprintf("STS at %s refused to let the role be assumed: %s", e.Endpoint, e.Code)
	if e.RequestID != "" {
		text += fmt.Sprintf(" (request id %s)", e.RequestID)
	}
	advice := adviceByCode[e.Code]
	if advice == "" {
		advice = adviceByKind[e.Code.Kind()]
	}
	if advice != "" {
		text += "; " + advice
	}
	return text
}

// adviceByKind is for the codes that STS shares with KMS.
var adviceByKind = map[kmsapi.Kind]string{
	kmsapi.KindAccessKeyUnknown:  keyAdvice,
	kmsapi.KindAccessKeyDisabled: keyAdvice,
	kmsapi.KindSignature:         keyAdvice,
	kmsapi.KindSecurityToken:     keyAdvice,
	kmsapi.KindClock:             "the clock of this server is off; set it, for example with NTP",
}

const keyAdvice = "the access key, its secret or its security token is not valid, or no longer"

// adviceByCode is for the codes that STS alone has.
var adviceByCode = map[kmsapi.Code]string{
	"NoPermission":             "the RAM user needs sts:AssumeRole on the role, and the role's trust policy must name it, with the role_external_id if it asks for one",
	"EntityNotExist.Role":      "there is no such role; check role_arn",
	"InvalidParameter.RoleArn": "role_arn is not that of a role",
	"InvalidSecurityToken":     keyAdvice,
}
