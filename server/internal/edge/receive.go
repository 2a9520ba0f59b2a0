package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
)

const formType = "application/x-www-form-urlencoded"

// maxParams is more parameters than any operation has, counting each item of a list as one. More are refused before
// memory is allocated for them.
const maxParams = 128

// receive reads and decodes a request with a body of at most maxBytes, and finds the format of its answer, which is
// JSON unless the request says otherwise.
func receive(w http.ResponseWriter, r *http.Request, maxBytes int) (in gate.Request, f format, err error) {
	in, f = gate.Request{Method: r.Method, Host: r.Host, Header: r.Header}, formatJSON
	if r.URL.Path != "/" {
		return in, f, kmsapi.ErrActionNotFound
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return in, f, kmsapi.ErrUnsupportedHTTPMethod
	}
	conn := connectionOf(r.Context())
	in.Connection = conn
	r.Body = http.MaxBytesReader(w, r.Body, int64(maxBytes))
	if in.Body, err = readBody(r, conn); err != nil {
		return in, f, err
	}
	if in.Query, err = kmsapi.ParseForm(r.URL.RawQuery); err != nil {
		return in, f, parseError(err)
	}
	form, err := parseBody(in.Body, r.Header.Get("Content-Type"))
	if err != nil {
		return in, f, err
	}
	in.Params = append(in.Query[:len(in.Query):len(in.Query)], form...)
	if name := in.Params.Duplicate(); name != "" {
		return in, f, parseError(fmt.Errorf("the parameter %q occurs more than once", name))
	}
	f, err = parseFormat(formatOf(&in))
	return in, f, err
}

// formatOf returns the Format parameter of RPC V1, or the format that ACS3's Accept header asks for.
func formatOf(in *gate.Request) string {
	if !in.IsACS3() {
		return in.Params.Get("Format")
	}
	accept := in.Header.Get("Accept")
	if strings.Contains(accept, "xml") && !strings.Contains(accept, "json") {
		return string(formatXML)
	}
	return string(formatJSON)
}

// parseBody decodes a form body. The signature would not cover a body of another type, so such a body is refused rather
// than ignored.
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

// maxContentType is longer than a form's type with any sensible parameters. Each parameter would take memory.
const maxContentType = 256

func isForm(contentType string) bool {
	if contentType == formType {
		return true
	}
	if len(contentType) > maxContentType {
		return false
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == formType
}

// TrustedBytes is how much of a body is received on any connection, in bytes. It is enough for most requests. For more,
// a connection that has not carried a valid signature waits its turn.
const TrustedBytes = 8 << 10

// readBody reads the body of r, and counts the parameters as early as possible.
func readBody(r *http.Request, conn Connection) ([]byte, error) {
	var read bytes.Buffer
	read.Grow(int(min(max(r.ContentLength, 0), TrustedBytes)) + bytes.MinRead)
	if _, err := read.ReadFrom(io.LimitReader(r.Body, TrustedBytes)); err != nil {
		return nil, bodyError(err)
	}
	if err := checkNumber(r.URL.RawQuery, read.Bytes()); err != nil || read.Len() < TrustedBytes {
		return read.Bytes(), err
	}
	if err := conn.AwaitLarge(r.Context()); err != nil {
		return nil, errBusy
	}
	if _, err := read.ReadFrom(r.Body); err != nil {
		return nil, bodyError(err)
	}
	return read.Bytes(), checkNumber(r.URL.RawQuery, read.Bytes())
}

// checkNumber refuses more parameters than [maxParams].
func checkNumber(query string, body []byte) error {
	if strings.Count(query, "&")+bytes.Count(body, []byte("&")) >= maxParams {
		return parseError(fmt.Errorf("a request has at most %d parameters", maxParams))
	}
	return nil
}

var errBusy = kmsapi.ErrServiceUnavailable.WithMessage(
	"Service Unavailable Temporary. Too many large requests are being received.")

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
	refused.Message = fmt.Sprintf("The request's body is larger than %d bytes, the most that this service takes.",
		tooLarge.Limit)
	return &refused
}
