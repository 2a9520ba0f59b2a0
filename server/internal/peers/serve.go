package peers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// server is the side that others dial.
type server struct {
	peers *Peers
	// closing is set before the sessions are ended.
	closing atomic.Bool
	// ctx ends when running requests are canceled.
	ctx    context.Context
	cancel context.CancelFunc
	// running counts sessions, including those in their handshake.
	running sync.WaitGroup

	// mu guards the fields below.
	mu        sync.Mutex
	listeners []net.Listener
	// sessions are the sessions of each peer, and strangers the connections in their handshake, the oldest first.
	sessions  map[string]map[*session]bool
	strangers []net.Conn
}

func newServer(p *Peers) *server {
	s := &server{peers: p, sessions: map[string]map[*session]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve lets peers connect to l until [Peers.Shutdown] or [Peers.Close], and then returns nil. It closes l.
func (p *Peers) Serve(l net.Listener) error {
	if !p.server.add(l) {
		return l.Close()
	}
	for {
		conn, err := l.Accept()
		switch {
		case p.server.closing.Load():
			return nil
		case isShortage(err):
			p.refusals.note("no connection accepted", "", err)
			const pause = 50 * time.Millisecond
			time.Sleep(pause) // Until a file descriptor becomes free.
		case err != nil:
			return err
		default:
			p.server.admit(conn)
		}
	}
}

// isShortage reports whether an error of a listener is a shortage of resources, which passes.
func isShortage(err error) bool {
	for _, shortage := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED,
	} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

func (s *server) add(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listeners = append(s.listeners, l)
	return true
}

// maxStrangers bounds the connections in their handshake. A further one closes the oldest: a handshake takes
// milliseconds.
const maxStrangers = 64

// admit begins a session on conn.
func (s *server) admit(conn net.Conn) {
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		_ = conn.Close() // Nothing was received.
		return
	}
	s.running.Add(1)
	s.strangers = append(s.strangers, conn)
	var oldest net.Conn
	if len(s.strangers) > maxStrangers {
		oldest, s.strangers = s.strangers[0], s.strangers[1:]
	}
	s.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // Its handshake fails, whatever this returns.
	}
	go func() {
		defer s.running.Done()
		s.welcome(conn)
	}()
}

// welcome performs the handshake and runs the session.
func (s *server) welcome(raw net.Conn) {
	defer raw.Close()
	name := ""
	identity := s.peers.identity.Load()
	conn := tls.Server(raw, identity.tlsConfig(func(state tls.ConnectionState) (err error) {
		name, err = identity.checkPeer(state.PeerCertificates, x509.ExtKeyUsageClientAuth, s.peers.o.Clock())
		return err
	}))
	ctx, cancel := context.WithTimeout(s.ctx, s.peers.times.dial)
	defer cancel()
	err := conn.HandshakeContext(ctx)
	session := &session{server: s, peer: name, conn: conn, raw: raw}
	if err == nil {
		err = s.register(session)
	} else {
		s.forgetStranger(raw)
	}
	if err != nil {
		if !s.closing.Load() {
			s.peers.refusals.note("a peer was refused", raw.RemoteAddr().String(), err)
		}
		return
	}
	defer s.forget(session)
	if err := session.run(); err != nil {
		s.peers.refusals.note("a link has failed", name, err)
	}
}

func (s *server) forgetStranger(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, c := range s.strangers {
		if c == conn {
			s.strangers = append(s.strangers[:n:n], s.strangers[n+1:]...)
			return
		}
	}
}

// register adds a session. The sessions of a peer are bounded by the links that it may have, plus some for comparisons
// and for links that it has already given up.
func (s *server) register(of *session) error {
	s.forgetStranger(of.raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.sessions[of.peer]
	if most := 2*s.peers.o.Links + 2; len(all) >= most {
		return fmt.Errorf("node %s has %d links already", of.peer, most)
	}
	if all == nil {
		all = map[*session]bool{}
		s.sessions[of.peer] = all
	}
	all[of] = true
	return nil
}

func (s *server) forget(of *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions[of.peer], of)
	if len(s.sessions[of.peer]) == 0 {
		delete(s.sessions, of.peer)
	}
}
