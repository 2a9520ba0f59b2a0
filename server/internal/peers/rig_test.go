package peers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// site is a CA with the nodes that it has certified.
type site struct {
	t  testing.TB
	ca *pki.Authority
	// began is when the clocks of its watches start.
	began time.Time
}

func newSite(t testing.TB) *site {
	t.Helper()
	ca, err := pki.NewAuthority(pki.CA("peers", time.Now(), time.Now().Add(time.Hour)), nil)
	require.NoError(t, err)
	return &site{t, ca, time.Now()}
}

// template returns the template of a node's certificate.
func template(uris ...string) *x509.Certificate {
	c := pki.Server("node", nil, time.Now(), time.Now().Add(time.Hour))
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, uri := range uris {
		parsed, _ := url.Parse(uri)
		c.URIs = append(c.URIs, parsed)
	}
	return c
}

func uriOf(node string) string { return "alicloudkms://prod/" + node }

// issue returns a certificate and its key in PEM.
func (s *site) issue(c *x509.Certificate) (certificate, key []byte) {
	s.t.Helper()
	made, err := s.ca.Issue(c)
	require.NoError(s.t, err)
	key, err = pki.EncodeKey(made.Key)
	require.NoError(s.t, err)
	return pki.EncodeCertificates(made.Certificate), key
}

func (s *site) authorities() []byte { return pki.EncodeCertificates(s.ca.Certificate) }

func (s *site) identity(node string) *Identity {
	s.t.Helper()
	certificate, key := s.issue(template(uriOf(node)))
	i, err := ParseIdentity(certificate, key, s.authorities(), time.Now())
	require.NoError(s.t, err)
	return i
}

// watch is both clocks of a machine, which move only when a test says so.
type watch struct{ wall, elapsed atomic.Int64 }

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func (w *watch) Clock() time.Time       { return start.Add(time.Duration(w.wall.Load())) }
func (w *watch) Elapsed() time.Duration { return time.Duration(w.elapsed.Load()) }

// pass lets time go by.
func (w *watch) pass(d time.Duration) {
	w.elapsed.Add(int64(d))
	w.set(d)
}

// set moves only the wall clock.
func (w *watch) set(by time.Duration) { w.wall.Add(int64(by)) }

// node is Peers with a listener.
type node struct {
	*Peers
	peer cluster.Peer
	log  *testlog.Buffer
}

// patient returns times within which even a busy machine does everything. A test of what ends by one of them makes that
// one shorter.
func patient() *times {
	t := usualTimes
	t.dial, t.slot, t.content, t.alive, t.answer = time.Minute, time.Minute, time.Minute, time.Minute, time.Hour
	t.beat = 150 * time.Millisecond
	return &t
}

const testLimit = 256 << 10

func (s *site) options(name string) Options {
	return Options{
		Identity: s.identity(name),
		Self:     Description{Version: "1", Layout: 4, RootKey: []byte("root"), Config: []byte("config")},
		Handler:  func(string) http.Handler { return nil }, MaxRequestBytes: testLimit, MaxClockSkew: time.Second,
		Clock: time.Now, times: patient(),
	}
}

// node starts a node; change may change its options.
func (s *site) node(name string, change func(*Options)) *node {
	s.t.Helper()
	o, log := s.options(name), &testlog.Buffer{}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	if change != nil {
		change(&o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	o.Self.Address = l.Addr().String()
	n := &node{New(o), cluster.Peer{Name: name, Address: l.Addr().String()}, log}
	served := make(chan error, 1)
	go func() { served <- n.Serve(l) }()
	s.t.Cleanup(func() {
		require.NoError(s.t, n.Close())
		require.NoError(s.t, <-served)
	})
	return n
}

// active starts a node with a handler for every gateway.
func (s *site) active(name string, h http.HandlerFunc) *node {
	return s.node(name, func(o *Options) { o.Handler = func(string) http.Handler { return h } })
}

// impostor listens as a node that behaves as a test says: it calls talk with each link, one after another.
func (s *site) impostor(name string, talk func(*tls.Conn)) cluster.Peer {
	s.t.Helper()
	i := s.identity(name)
	l, err := tls.Listen("tcp", "127.0.0.1:0", i.tlsConfig(func(tls.ConnectionState) error { return nil }))
	require.NoError(s.t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				talk(conn.(*tls.Conn))
			})
		}
	})
	s.t.Cleanup(func() {
		require.NoError(s.t, l.Close())
		running.Wait()
	})
	return cluster.Peer{Name: name, Address: l.Addr().String()}
}

// everything is what an impostor accepts.
var everything = bounds{ping: 0, hello: maxHello, request: maxTestRequest + headRoom}

// maxTestRequest is more than what TCP holds between two ends.
const maxTestRequest = 16 << 20

// receive reads a frame, as an impostor.
func receive(conn *tls.Conn) (kind, []byte, error) {
	return readFrame(conn, everything, neverInATest, neverInATest)
}

// expect reads frames until one of a kind arrives, and answers pings before that.
func expect(conn *tls.Conn, want kind) (content []byte, ok bool) {
	for {
		k, content, err := receive(conn)
		if err != nil || k == want {
			return content, err == nil
		}
		if _, err := conn.Write(pongFrame()); err != nil || k != ping {
			return nil, false
		}
	}
}

// pongFrame returns the pong of a node that has just started.
func pongFrame() []byte { return finish(appendElapsed(newFrame(pong, 0), 0)) }

// requestFrame returns the frame of a request that does not expire; message need not be valid.
func requestFrame[T string | []byte](message T) []byte {
	return finish(append(appendElapsed(newFrame(request, 0), math.MaxInt64), message...))
}

// post returns a typical request.
func post(body string) Request {
	return Request{
		Method: http.MethodPost, Target: "/", Host: "kms.example.com", RemoteAddr: "192.0.2.7:1234",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(body),
	}
}

func answerWith(status int, body string) []byte {
	return finish(Answer{Status: status, Body: []byte(body)}.append(newFrame(answer, 0)))
}

func say(format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, format, args...) }
}
