package server_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// far is a timeout that no test reaches, and near one that tests wait for. A TLS handshake comes first and usually
// takes less, even on a busy machine.
const (
	far  = time.Hour
	near = 300 * time.Millisecond
)

// impatient starts a service with the timeouts of o, and returns a function that connects to it. It repeats a handshake
// that a timeout has cut off.
func impatient(t *testing.T, o server.Options, change func(*server.Config)) func() net.Conn {
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	if change != nil {
		change(&dev.Config)
	}
	s, err := server.Start(dev.Config, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ca, err := os.ReadFile(dev.CAFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	return func() net.Conn {
		for {
			began := time.Now()
			conn, err := net.Dial("tcp", s.Address())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			secured := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
			if err = secured.Handshake(); err == nil {
				return secured
			}
			require.GreaterOrEqual(t, time.Since(began), near, err)
		}
	}
}

// closes waits until the other side ends the connection, and returns what it has sent until then. The test hangs if it
// does not.
func closes(t *testing.T, conn net.Conn) string {
	t.Helper()
	said, _ := io.ReadAll(conn) // It may end with a reset.
	return string(said)
}

func TestSlowConnectionsAreCut(t *testing.T) {
	const start = "POST / HTTP/1.1\r\nHost: kms\r\n"
	for _, tc := range []struct {
		name string
		o    server.Options
		send string
	}{
		{"one that sends no header", server.Options{}.WithTimeouts(near, far, far, far), ""},
		{"one that sends half a header", server.Options{}.WithTimeouts(near, far, far, far), start + "X-Slow: "},
		{
			"one that sends half a body", server.Options{}.WithTimeouts(near, near, far, far),
			start + "Content-Length: 100\r\n\r\nAction=",
		},
		{
			"one that is idle after a request", server.Options{}.WithTimeouts(far, far, far, near),
			"GET / HTTP/1.1\r\nHost: kms\r\n\r\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn := impatient(t, tc.o, nil)()
			_, err := io.WriteString(conn, tc.send)
			require.NoError(t, err)
			closes(t, conn)
		})
	}
}

func TestAHeaderThatComesInDropsIsCut(t *testing.T) {
	conn := impatient(t, server.Options{}.WithTimeouts(near, far, far, far), nil)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n"); err == nil; _, err = io.WriteString(conn, "X-A: b\r\n") {
			time.Sleep(near / 10)
		}
	}()
	closes(t, conn)
	<-done
}

func TestAConnectionThatSpeaksNoTLSIsCut(t *testing.T) {
	conn := impatient(t, server.Options{}.WithTimeouts(near, far, far, far), nil)()
	raw, err := net.Dial("tcp", conn.RemoteAddr().String())
	require.NoError(t, err)
	defer raw.Close()
	closes(t, raw)
}

func TestBodiesAreReadToTheBoundAndNoFurther(t *testing.T) {
	conn := impatient(t, server.Options{}, func(c *server.Config) { c.Limits = &server.Limits{MaxRequestBytes: 1000} })()
	const header = "POST / HTTP/1.1\r\nHost: kms\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Content-Length: 68719476736\r\n\r\n"
	_, err := io.WriteString(conn, header+strings.Repeat("A", 1001))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
	require.True(t, resp.Close, "the rest is not waited for")
}
