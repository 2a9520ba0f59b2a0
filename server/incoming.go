package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// incoming is a request as it came, with its parameters decoded.
type incoming struct {
	method, host string
	header       http.Header
	// query and params: those of the URL alone, which ACS3 signs, and those of URL and form body together.
	query, params kmsapi.Params
	body          []byte
	format        format
}

const formType = "application/x-www-form-urlencoded"

// receive reads and decodes a request, within its limits.
func (s *Service) receive(w http.ResponseWriter, r *http.Request) (incoming, error) {
	in := incoming{method: r.Method, host: r.Host, header: r.Header, format: formatJSON}
	if r.URL.Path != "/" {
		return in, kmsapi.ErrActionNotFound
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return in, kmsapi.ErrUnsupportedHTTPMethod
	}
	var err error
	in.body, err = readAll(http.MaxBytesReader(w, r.Body, int64(s.maxBytes)), r.ContentLength)
	if err != nil {
		return in, bodyError(err)
	}
	if in.query, err = kmsapi.ParseForm(r.URL.RawQuery); err != nil {
		return in, parseError(err)
	}
	form, err := parseBody(in.body, r.Header.Get("Content-Type"))
	if err != nil {
		return in, err
	}
	in.params = append(in.query[:len(in.query):len(in.query)], form...)
	if name := in.params.Duplicate(); name != "" {
		return in, parseError(fmt.Errorf("the parameter %q is there more than once", name))
	}
	in.format, err = parseFormat(in.askedFormat())
	return in, err
}

// askedFormat is the Format parameter of RPC V1, or what ACS3's Accept header comes to.
func (in *incoming) askedFormat() string {
	if in.isACS3() {
		if strings.Contains(in.header.Get("Accept"), "xml") && !strings.Contains(in.header.Get("Accept"), "json") {
			return string(formatXML)
		}
		return string(formatJSON)
	}
	return in.params.Get("Format")
}

// parseBody decodes a form body. A body of another type would not be covered by the signature's parameters, so it is
// refused and not ignored.
func parseBody(body []byte, contentType string) (kmsapi.Params, error) {
	if len(body) == 0 {
		return nil, nil
	}
	if !isForm(contentType) {
		return nil, parseError(errors.New("a body must have Content-Type " + formType))
	}
	form, err := kmsapi.ParseForm(string(body))
	if err != nil {
		return nil, parseError(err)
	}
	return form, nil
}

func isForm(contentType string) bool {
	if contentType == formType {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == formType
}

// trustedLength is as much memory as a request gets before it is there. It is enough for most.
const trustedLength = 16 << 10

// readAll is [io.ReadAll] for a body that should have so many bytes, or -1 if that is not known.
func readAll(body io.Reader, length int64) ([]byte, error) {
	var read bytes.Buffer
	read.Grow(int(min(max(length, 0), trustedLength)) + bytes.MinRead)
	_, err := read.ReadFrom(body)
	return read.Bytes(), err
}

func parseError(err error) error {
	return kmsapi.ErrParseRequestParameter.WithMessage(kmsapi.ErrParseRequestParameter.Message + " " + err.Error())
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if !errors.As(err, &tooLarge) {
		return parseError(errors.New("the body could not be read to its end"))
	}
	refused := *kmsapi.ErrParseRequestParameter
	refused.HTTPStatus = http.StatusRequestEntityTooLarge
	refused.Message = fmt.Sprintf("The request's body is larger than %d bytes, the most that this service takes.", tooLarge.Limit)
	return &refused
}

// isACS3 tells the signature scheme by the Authorization header alone: SDKs send x-acs-* headers with RPC V1 too.
func (in *incoming) isACS3() bool {
	return strings.HasPrefix(in.header.Get("Authorization"), signature.SchemeACS3)
}
