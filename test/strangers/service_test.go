package strangers

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// service is a process of the KMS service, as it ships.
type service struct {
	*servers.KMS
	t *testing.T
}

// build builds the service as it ships: without the race detector, which takes memory.
func build(t *testing.T) (program string) {
	t.Helper()
	if testing.Short() {
		t.Skip("it opens thousands of connections")
	}
	program = filepath.Join(t.TempDir(), "alicloudkms")
	require.NoError(t, servers.Build(t.Context(), "../..", "alicloudkms", program, "strangers"))
	return program
}

func start(t *testing.T, program string) *service {
	t.Helper()
	s := &service{&servers.KMS{Program: program, Dir: filepath.Join(t.TempDir(), "data")}, t}
	require.NoError(t, s.Start())
	t.Cleanup(s.Kill)
	return s
}

// cannot skips the test for the given reason, and fails it in make test, which must not silently leave one out.
func (s *service) cannot(format string, args ...any) {
	s.t.Helper()
	if os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") != "" {
		s.t.Fatalf(format, args...)
	}
	s.t.Skipf(format, args...)
}

// wantFiles skips the test where a process can't have n connections.
func (s *service) wantFiles(n uint64) {
	var limit syscall.Rlimit
	require.NoError(s.t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < n+n/8 {
		s.cannot("a process may have only %d files open", limit.Cur)
	}
}

// dialTCP opens a connection without TLS on it.
func (s *service) dialTCP() (net.Conn, error) {
	conn, err := net.Dial("tcp", s.Address)
	if err == nil {
		s.t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func (s *service) dial() (net.Conn, error) {
	conn, err := s.dialTCP()
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // Nothing secret is sent.
	return secure, secure.Handshake()
}

// saying sends a string. The service may end the connection before it has read everything.
func saying(text string) func(net.Conn) error {
	return func(conn net.Conn) error {
		_, _ = io.WriteString(conn, text)
		return nil
	}
}

// listen waits until the service ends the connection.
func listen(conn net.Conn) error {
	_, _ = io.Copy(io.Discard, conn)
	return nil
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that the process has had so far, in bytes. The test is skipped where the kernel does not
// report it.
func (s *service) peak() int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.PID()) + "/status")
	if err != nil {
		s.cannot("only Linux reports the memory of a process")
	}
	match := highWater.FindSubmatch(status)
	require.NotNil(s.t, match)
	kib, err := strconv.Atoi(string(match[1]))
	require.NoError(s.t, err)
	return kib << 10
}
