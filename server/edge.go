package server

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

// ServeHTTP answers one request, in the order that the package comment gives.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := s.clock()
	line := audit.Record{Time: start, RequestID: uuid.NewString(), SourceIP: sourceIP(r), Status: http.StatusOK}
	in, resp, err := s.answer(w, r, &line)
	if err != nil {
		refused := s.refusal(line.RequestID, err)
		line.Status, line.Code = refused.HTTPStatus, string(refused.Code)
		resp = nil
		err = refused
	}
	line.Duration = s.clock().Sub(start)
	if auditErr := s.audit.Write(line); auditErr != nil {
		s.log.Error("request not audited", "request_id", line.RequestID, "error", auditErr)
		resp, err, line.Code = nil, errNotAudited, string(errNotAudited.Code)
	}
	s.metrics.answered(line.Operation, kmsapi.Code(line.Code), line.Duration)
	s.reply(w, r, in.format, line.RequestID, resp, err)
}

// answer does steps 1 to 9. A panic in it is a failure of this request alone.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, line *audit.Record) (in incoming, resp kmsapi.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.metrics.panics.Inc()
			s.log.Error("panic", "request_id", line.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = kmsapi.ErrInternalFailure
		}
	}()
	if in, err = s.receive(w, r); err != nil {
		return in, nil, err
	}
	said, err := in.claim()
	line.Operation, line.AccessKeyID = said.action, said.accessKeyID
	if err != nil {
		return in, nil, err
	}
	c := &call{ctx: r.Context(), now: s.clock()}
	key, err := s.authenticate(c, said)
	if err != nil {
		return in, nil, err
	}
	c.account, c.permissions = key.account, key.permissions
	line.Account = c.account
	if c.region, err = s.regionOf(in); err != nil {
		return in, nil, err
	}
	line.Region = c.region
	resp, err = s.act(c, said, in.params)
	line.KeyID = c.keyID
	if err == nil {
		err = in.format.checkCarries(resp)
	}
	return in, resp, err
}

// act runs the operation that the request asks for.
func (s *Service) act(c *call, said claim, params kmsapi.Params) (kmsapi.Response, error) {
	if said.version != kmsapi.Version {
		return nil, kmsapi.InvalidParameter("Version", "It must be "+kmsapi.Version+".")
	}
	act, ok := actions[kmsapi.Operation(said.action)]
	if !ok {
		return nil, kmsapi.ErrActionNotFound
	}
	if err := s.audit.Err(); err != nil {
		// The last line could not be written, so nothing is done that might leave none. The line about this refusal tries again.
		return nil, errNotAudited
	}
	c.operation = act.operation
	if err := c.authorize(params); err != nil {
		return nil, err
	}
	if err := s.rates.take(c); err != nil {
		s.metrics.rateLimited(c.operation)
		return nil, err
	}
	return act.run(s, c, params)
}

// errNotAudited refuses what can't be noted, before it is done.
var errNotAudited = kmsapi.ErrServiceUnavailable.WithMessage("Service Unavailable Temporary. The audit log can't be written.")

// regionOf is the region that a request is for: its host says so if it is one of KMS's own host names, else its RegionId
// parameter, else it is the default.
func (s *Service) regionOf(in incoming) (string, error) {
	if id := s.regionOfHost(in.host); id != "" {
		return s.servedRegion(id)
	}
	if id := in.params.Get("RegionId"); id != "" {
		return s.servedRegion(id)
	}
	return s.defaultRegion, nil
}

// regionOfHost is the region that has the endpoint host, with a port or without, or "" if there is none.
func (s *Service) regionOfHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, ".")) // DNS takes these for one name.
	return s.endpoints[host]
}

// regionsByEndpoint leads from the host names of KMS to its regions. A region may have no endpoint in a network; a host that
// is not known, as with HTTP/1.0, is none either.
func regionsByEndpoint() map[string]string {
	byHost := map[string]string{}
	for _, r := range kmsapi.Regions() {
		for _, host := range []string{r.PublicEndpoint, r.VPCEndpoint} {
			if host != "" {
				byHost[host] = r.ID
			}
		}
	}
	return byHost
}

func (s *Service) servedRegion(id string) (string, error) {
	if !s.regions[id] {
		return "", kmsapi.InvalidParameter("RegionId", "This service does not work in that region.")
	}
	return id, nil
}

// reply writes an answer or a refusal, in the format that the request asks for.
func (s *Service) reply(w http.ResponseWriter, r *http.Request, f format, requestID string, resp kmsapi.Response, err error) {
	var body any = resp
	status := http.StatusOK
	if err != nil {
		refused := s.refusal(requestID, err)
		status = refused.HTTPStatus
		body = &kmsapi.ErrorResponse{
			HttpStatus: status, Code: refused.Code, Message: refused.Message, RequestId: requestID, HostId: r.Host,
		}
	} else {
		resp.SetRequestId(requestID)
	}
	encoded, encodeErr := f.encode(body)
	if encodeErr != nil {
		s.log.Error("answer not encoded", "request_id", requestID, "error", encodeErr)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	// Clients learn from Date how far their clock is off, so it must be the clock that timestamps are judged by.
	h.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = w.Write(encoded) // The caller has gone if this fails; the operation stands, and the audit line tells it.
}

// format is how an answer is written: JSON, unless XML is asked for (§1.3).
type format string

const (
	formatJSON format = "JSON"
	formatXML  format = "XML"
)

func parseFormat(text string) (format, error) {
	switch f := format(strings.ToUpper(text)); f {
	case formatJSON, formatXML:
		return f, nil
	case "":
		return formatJSON, nil
	default:
		return formatJSON, kmsapi.InvalidParameter("Format", "It must be JSON or XML.")
	}
}

func (f format) contentType() string {
	if f == formatXML {
		return "text/xml;charset=utf-8"
	}
	return "application/json;charset=utf-8"
}

// checkCarries refuses to answer a plaintext in XML that XML has no way to write: its encoder would put other characters
// in the place of the control characters, and the caller would take that for the plaintext.
func (f format) checkCarries(resp kmsapi.Response) error {
	opened, ok := resp.(*kmsapi.DecryptResponse)
	if ok && f == formatXML && strings.ContainsFunc(opened.Plaintext.Reveal(), isNotXML) {
		return kmsapi.InvalidParameter("Format", "The plaintext has characters that XML can't carry. Ask for JSON.")
	}
	return nil
}

// isNotXML is the complement of Char in XML 1.0, section 2.2, for text that is UTF-8.
func isNotXML(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\uFFFE' || c == '\uFFFF'
}

func (f format) encode(body any) ([]byte, error) {
	if f != formatXML {
		return json.Marshal(body)
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).EncodeElement(body, xml.StartElement{Name: xml.Name{Local: "KMS"}})
	return []byte(b.String()), err
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}
