package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// raw writes text to a new connection, and returns all answers until the connection ends. The service closes it after a
// request whose end it can't determine, or whose header asks for that.
func (w *wire) raw(text string) (answers []answer) {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.kms.Endpoint, w.http.Transport.(*http.Transport).TLSClientConfig)
	require.NoError(w.t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(w.t, err)
	method, _, _ := strings.Cut(text, " ")
	for reader := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return answers
		}
		got := answer{status: resp.StatusCode, header: resp.Header}
		got.body, err = io.ReadAll(resp.Body)
		require.NoError(w.t, err)
		_ = json.Unmarshal(got.body, &got) // Refusals by net/http itself are plain text.
		answers = append(answers, got)
	}
}

// head is a request line and header, with one more line for each of lines.
func head(requestLine string, lines ...string) string {
	lines = append(lines, "Content-Type: application/x-www-form-urlencoded", "Connection: close", "", "")
	return requestLine + "\r\n" + strings.Join(lines, "\r\n")
}

func TestRequestsThatTwoServersReadDifferentlyAreRefused(t *testing.T) {
	w := newWire(t)
	for name, lines := range map[string][]string{
		"two hosts":                     {"Host: a", "Host: b", "Content-Length: %d"},
		"no host":                       {"Content-Length: %d"},
		"a host that is none":           {"Host: a b/c", "Content-Length: %d"},
		"two lengths":                   {"Host: a", "Content-Length: %d", "Content-Length: 5"},
		"two lengths in one line":       {"Host: a", "Content-Length: %d, 5"},
		"a length with a sign":          {"Host: a", "Content-Length: +%d"},
		"a length in hex":               {"Host: a", "Content-Length: 0x%x"},
		"a blank before the colon":      {"Host: a", "Content-Length : %d"},
		"a line break in a header":      {"Host: a", "X-A: b\n c", "X-B: c\rd", "Content-Length: %d"},
		"a zero byte in a header":       {"Host: a", "X-A: b\x00", "Content-Length: %d"},
		"a header without a name":       {"Host: a", ": b", "Content-Length: %d"},
		"an encoding that is not known": {"Host: a", "Transfer-Encoding: xchunked", "Content-Length: %d"},
		"an encoding that is hidden":    {"Host: a", "Transfer-Encoding: identity, chunked", "Content-Length: %d"},
		"an encoding twice": {
			"Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
			"Content-Length: %d",
		},
		"an encoding after a vertical tab":     {"Host: a", "Transfer-Encoding: \vchunked", "Content-Length: %d"},
		"chunks that are announced, not there": {"Host: a", "Transfer-Encoding: chunked"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{t: t, kms: w.kms, http: w.http}
			form := w.signed(http.MethodPost, "CreateKey").Form()
			header := head("POST / HTTP/1.1", lines...)
			if strings.Contains(header, "%") {
				header = fmt.Sprintf(header, len(form))
			}
			answers := w.raw(header + form + "\r\n")
			require.Len(t, answers, 1)
			require.GreaterOrEqual(t, answers[0].status, http.StatusBadRequest)
		})
	}
	require.Zero(t, w.must("ListKeys").TotalCount)
}

// TestASmuggledRequestStandsForItself sends a body whose Content-Length and chunks end at different places, so a proxy
// and the service may see different requests. Whatever follows a body must have its own signature.
func TestASmuggledRequestStandsForItself(t *testing.T) {
	w := newWire(t)
	form := w.signed(http.MethodPost, "CreateKey").Form()
	smuggled := head("POST /?Action=CreateKey HTTP/1.1", "Host: a", "Content-Length: 0")
	answers := w.raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form),
		form) + smuggled)
	require.NotEmpty(t, answers)
	require.Equal(t, http.StatusOK, answers[0].status)
	for _, a := range answers[1:] {
		a.refused(t, kmsapi.ErrMissingParameter)
	}
	require.Equal(t, 1, w.must("ListKeys").TotalCount)
}

func TestTrailersMeanNothing(t *testing.T) {
	w := newWire(t)
	form := w.signed(http.MethodPost, "CreateKey").Form()
	answers := w.raw(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Trailer: Authorization") +
		fmt.Sprintf("%x\r\n%s\r\n0\r\nAuthorization: ACS3-HMAC-SHA256 x\r\n\r\n", len(form), form))
	require.Len(t, answers, 1)
	require.Equal(t, http.StatusOK, answers[0].status, "%s", answers[0].body)
}

func TestTheHostOfTheRequestLineWins(t *testing.T) {
	w := newWire(t)
	form := w.signed(http.MethodPost, "CreateKey").Form()
	const line = "POST https://kms.cn-beijing.aliyuncs.com/ HTTP/1.1"
	answers := w.raw(head(line, "Host: kms.cn-hangzhou.aliyuncs.com", fmt.Sprint("Content-Length: ", len(form))) + form)
	require.Len(t, answers, 1)
	require.Equal(t, http.StatusOK, answers[0].status)
	require.Contains(t, answers[0].KeyMetadata.Arn, ":cn-beijing:", "as RFC 9112 §3.2.2 has it")
}

func TestAHostNameIsReadAsDNSReadsIt(t *testing.T) {
	l := newLab(t, nil)
	for _, host := range []string{
		"kms.cn-beijing.aliyuncs.com", "KMS.cn-Beijing.aliyuncs.com", "kms.cn-beijing.aliyuncs.com.",
		"kms.cn-beijing.aliyuncs.com:443", "kms-vpc.cn-beijing.aliyuncs.com",
	} {
		r := request(http.MethodPost, "/", "", nil)
		r.Host = host
		require.Contains(t, l.send(r, l.signed("CreateKey").Form()).KeyMetadata.Arn, ":cn-beijing:", host)
	}
	for _, host := range []string{
		"", ".", ":", "[::1]:443", "kms.cn-beijing.aliyuncs.com.example.com", "cn-beijing.aliyuncs.com",
		"kms.mars-north-1.aliyuncs.com",
	} {
		r := request(http.MethodPost, "/", "", nil)
		r.Host = host
		require.Contains(t, l.send(r, l.signed("CreateKey").Form()).KeyMetadata.Arn, ":cn-hangzhou:", host)
	}
}

func TestHTTPVersions(t *testing.T) {
	w := newWire(t)
	for line, want := range map[string]int{
		"POST / HTTP/1.0":  http.StatusOK,
		"POST / HTTP/1.1":  http.StatusOK,
		"POST / HTTP/1.2":  http.StatusOK, // to be read as 1.1 (RFC 9110 §2.5)
		"POST / HTTP/2.0":  http.StatusHTTPVersionNotSupported,
		"POST / HTTP/9.9":  http.StatusHTTPVersionNotSupported,
		"POST /":           http.StatusBadRequest,
		"POST / HTTPS/1.1": http.StatusBadRequest,
	} {
		t.Run(line, func(t *testing.T) {
			w := &wire{t: t, kms: w.kms, http: w.http}
			form := w.signed(http.MethodPost, "ListKeys").Form()
			answers := w.raw(head(line, "Host: a", fmt.Sprint("Content-Length: ", len(form))) + form)
			require.Len(t, answers, 1)
			require.Equal(t, want, answers[0].status, "%s", answers[0].body)
		})
	}
	t.Run("HTTP/2 is not spoken, and a client that offers it gets HTTP/1.1", func(t *testing.T) {
		transport := w.http.Transport.(*http.Transport).Clone()
		transport.ForceAttemptHTTP2 = true
		defer transport.CloseIdleConnections()
		url := "https://" + w.kms.Endpoint + "/?" + w.signed(http.MethodPost, "ListKeys").Form()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 1, resp.ProtoMajor,
			"one connection of HTTP/2 could hold hundreds of bodies before anyone is authenticated")
		require.Equal(t, http.StatusOK, resp.StatusCode)
	})
}

func TestThereIsNothingBesideTheRoot(t *testing.T) {
	w := newWire(t)
	for _, target := range []string{
		"//", "/..", "/../", "/.", "/./", "/%2e%2e/", "/%2F", "//kms.cn-beijing.aliyuncs.com/", "/index.html", "/?/..;/",
		"/;a=b",
		"/healthz", "/metrics", "/debug/pprof/", "/%00", "/\\", "https://a//", "*", "/#/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(method+" "+target, func(t *testing.T) {
				w := &wire{t: t, kms: w.kms, http: w.http}
				separator := "?"
				if strings.Contains(target, "?") {
					separator = "&"
				}
				query := w.signed(method, "CreateKey").Form()
				answers := w.raw(head(method+" "+target+separator+query+" HTTP/1.1", "Host: a"))
				require.Len(t, answers, 1)
				require.GreaterOrEqual(t, answers[0].status, http.StatusBadRequest)
			})
		}
	}
	require.Zero(t, w.must("ListKeys").TotalCount)
}

func TestMethodsOtherThanGETAndPOSTAreRefused(t *testing.T) {
	w := newWire(t)
	for _, method := range []string{
		"HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "Post", "GETT", "PRI",
		"MKCOL",
	} {
		t.Run(method, func(t *testing.T) {
			w := &wire{t: t, kms: w.kms, http: w.http}
			answers := w.raw(head(method+" /?"+w.signed(method, "CreateKey").Form()+" HTTP/1.1", "Host: a"))
			require.NotEmpty(t, answers)
			require.Equal(t, http.StatusForbidden, answers[0].status)
		})
	}
	require.Zero(t, w.must("ListKeys").TotalCount)
}
