package server_test

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// bounded starts a service that accepts n connections, with metrics.
func bounded(t *testing.T, n int) *wire {
	ops := withOps(t)
	return configured(t, func(c *server.Config) {
		ops(c)
		c.Limits = &server.Limits{MaxConnections: n}
	})
}

// stranger opens a connection and writes said to it.
func (w *wire) stranger(said string) net.Conn {
	w.t.Helper()
	conn, err := tls.Dial("tcp", cmp.Or(w.endpoint, w.kms.Endpoint), w.tlsConfig())
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, said)
	require.NoError(w.t, err)
	return conn
}

// begun returns a request whose Content-Length need not match its body.
func begun(path string, length int, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: kms\r\nContent-Length: %d\r\n\r\n%s", path, length, body)
}

func TestCallersAreServedWhileStrangersHoldEveryConnection(t *testing.T) {
	for name, said := range map[string]string{
		"that say nothing":       "",
		"that begin a header":    "POST / HTTP/1.1\r\nHost: kms\r\nX-A: ",
		"that begin a body":      begun("/", 1000, "Action="),
		"that begin a large one": begun("/", 200_000, strings.Repeat("A", 50_000)),
		"that were answered":     "GET /abc HTTP/1.1\r\nHost: kms\r\n\r\n",
	} {
		for gateway, at := range map[string]func(*wire) *wire{
			"the shared gateway": func(w *wire) *wire { return w }, "a dedicated gateway": (*wire).dedicated,
		} {
			t.Run(name+" at "+gateway, func(t *testing.T) {
				const connections = 20
				w := bounded(t, connections)
				id := w.createIn()
				w = at(w)
				w.must("GenerateDataKey", "KeyId", id)
				for range 2 * connections {
					w.stranger(said)
				}
				w.must("GenerateDataKey", "KeyId", id)
				w.http.CloseIdleConnections()
				w.must("GenerateDataKey", "KeyId", id)
			})
		}
	}
}

func TestACallersConnectionOutlivesThoseOfStrangers(t *testing.T) {
	w := bounded(t, 20)
	caller := w.stranger("")
	reader := bufio.NewReader(caller)
	for range 3 {
		_, err := io.WriteString(caller, "POST /?"+w.signed(http.MethodPost, "ListKeys").Form()+" HTTP/1.1\r\nHost: kms\r\n"+
			"Content-Length: 0\r\n\r\n")
		require.NoError(t, err)
		resp, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		for range 40 {
			w.stranger("")
		}
	}
	require.NotContains(t, w.metrics(), `alicloudkms_connections_closed_total{bound="max_connections"} 0`)
}

func TestARefusalBeforeAuthenticationEndsItsConnection(t *testing.T) {
	w := newWire(t)
	forged := with(w.signed(http.MethodGet, "ListKeys"), "Signature", "00").Form()
	for name, request := range map[string]string{
		"another path":      "GET /abc HTTP/1.1\r\nHost: kms\r\n\r\n",
		"no parameters":     "GET / HTTP/1.1\r\nHost: kms\r\n\r\n",
		"a large body":      begun("/", 200_000, strings.Repeat("a=&a", 50_000)),
		"a body not read":   begun("/abc", 200_000, strings.Repeat("A", 200_000)),
		"a wrong signature": "GET /?" + forged + " HTTP/1.1\r\nHost: kms\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			said := closes(t, w.in(t).stranger(request))
			require.Regexp(t, `^HTTP/1.1 4\d\d (.*\r\n)+Connection: close\r\n`, said)
		})
	}
}

func TestOPTIONSForEveryResourceIsARequestLikeOthers(t *testing.T) {
	w := configured(t, withOps(t))
	answers := w.raw("OPTIONS * HTTP/1.1\r\nHost: kms\r\n\r\n")
	require.Len(t, answers, 1)
	answers[0].refused(t, kmsapi.ErrActionNotFound)
	require.Contains(t, w.metrics(), `alicloudkms_requests_total{action="unknown",code="InvalidAction.NotFound"} 1`)
	require.Contains(t, w.metrics(), "alicloudkms_not_http_total 0")
}

func TestWhatHTTPAnswersOnItsOwnIsCounted(t *testing.T) {
	w := configured(t, withOps(t))
	w.must("ListKeys")
	for name, tc := range map[string]struct {
		said string
		want int
	}{
		"no HTTP":             {"hello\r\n\r\n", 400},
		"no host":             {"GET / HTTP/1.1\r\n\r\n", 400},
		"a header too large":  {"GET / HTTP/1.1\r\nHost: kms\r\nX-A: " + strings.Repeat("a", 300_000), 431},
		"an unknown encoding": {"POST / HTTP/1.1\r\nHost: kms\r\nTransfer-Encoding: zip\r\n\r\n", 501},
		"an expectation":      {"POST / HTTP/1.1\r\nHost: kms\r\nContent-Length: 1\r\nExpect: more\r\n\r\na", 417},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			before := counted(t, w.metrics())
			answers := w.raw(tc.said)
			require.Len(t, answers, 1)
			require.Equal(t, tc.want, answers[0].status)
			require.Equal(t, before+1, counted(t, w.metrics()))
		})
	}
	before := counted(t, w.metrics())
	plain, err := net.Dial("tcp", w.kms.Endpoint)
	require.NoError(t, err)
	defer plain.Close()
	_, err = io.WriteString(plain, "GET / HTTP/1.1\r\nHost: kms\r\n\r\n")
	require.NoError(t, err)
	require.Contains(t, closes(t, plain), "400 Bad Request")
	require.Equal(t, before+1, counted(t, w.metrics()))
	closes(t, w.stranger("GET /abc HTTP/1.1\r\nHost: kms\r\n\r\n"))
	w.must("ListKeys")
	require.NoError(t, w.stranger("").Close())
	require.Equal(t, before+1, counted(t, w.metrics()), "the service has answered these, or there was no request")
}

// counted returns how many connections net/http has answered by itself, by the metrics.
func counted(t *testing.T, metrics string) (n int) {
	t.Helper()
	_, value, found := strings.Cut(metrics, "\nalicloudkms_not_http_total ")
	require.True(t, found)
	_, err := fmt.Sscan(value, &n)
	require.NoError(t, err)
	return n
}
