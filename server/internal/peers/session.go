package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
)

// session is a link that a peer has dialed.
type session struct {
	server *server
	peer   string
	conn   *tls.Conn
	raw    net.Conn
}

// run answers the peer's frames until either end closes the link.
func (s *session) run() error {
	p := s.server.peers
	taken := bounds{ping: 0, hello: maxHello, request: p.limits.request()}
	for {
		k, content, err := s.next(taken)
		if err != nil {
			return s.end(err)
		}
		reply, err := s.reply(k, content)
		if err == nil {
			err = s.write(reply)
		}
		if err != nil {
			return s.end(err)
		}
	}
}

// next reads the next frame, unless the server is being closed.
func (s *session) next(taken bounds) (kind, []byte, error) {
	p := s.server.peers
	return readFrame(stoppable{s}, taken, p.times.idle, p.times.content)
}

// stoppable is the connection of a session, from which nothing is read once the server is being closed.
type stoppable struct{ *session }

func (s stoppable) Read(b []byte) (int, error) { return s.conn.Read(b) }

func (s stoppable) SetReadDeadline(t time.Time) error {
	err := s.conn.SetReadDeadline(t)
	if s.server.closing.Load() { // Checked after setting the deadline, since the server sets its own after closing.
		return errClosed
	}
	return err
}

// end says goodbye if this node closes the link, and returns the error if it is worth logging.
func (s *session) end(err error) error {
	if s.server.closing.Load() {
		_ = s.write(bare(goodbye)) // The peer notices the end without it too.
		return nil
	}
	var timeout net.Error
	if errors.Is(err, io.EOF) || errors.Is(err, errGone) || errors.As(err, &timeout) {
		return nil // The peer has gone, or does not need the link.
	}
	return err
}

func (s *session) write(frame []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.peers.times.content)); err != nil {
		return err
	}
	_, err := s.conn.Write(frame)
	return err
}

// reply returns the frame that answers one of the peer's frames.
func (s *session) reply(k kind, content []byte) ([]byte, error) {
	p := s.server.peers
	switch k {
	case ping:
		return finish(appendElapsed(newFrame(pong, expirySize), p.o.Elapsed())), nil
	case hello:
		return p.answerHello(s.peer, content)
	default:
		return s.replyTo(content)
	}
}

// replyTo runs a request, or refuses it. The sender of an expired request closes the link, if it is still there: its
// anchor was measured before one of the machines was suspended.
func (s *session) replyTo(content []byte) ([]byte, error) {
	p := s.server.peers
	expiry, message, err := cutElapsed(content)
	if err != nil {
		return nil, err
	}
	if p.o.Elapsed() > expiry {
		return bare(goodbye), nil
	}
	r, target, err := parseRequest(message, p.limits)
	if err != nil {
		return nil, err
	}
	handler := p.o.Handler(r.Gateway)
	if handler == nil {
		return bare(refusal), nil
	}
	return s.serve(handler, r, target)
}

var (
	errGone   = errors.New("the peer has gone")
	errFailed = errors.New("the request failed by a bug")
)

// serve runs a request, and tells the peer now and then that it still does.
func (s *session) serve(handler http.Handler, r Request, target *url.URL) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.server.ctx, s.server.peers.times.answer)
	defer cancel()
	done := make(chan outcome, 1)
	go func() { done <- s.handle(ctx, handler, r, target) }()
	beat := time.NewTicker(s.server.peers.times.beat)
	defer beat.Stop()
	for gone := false; ; {
		select {
		case o := <-done:
			if gone && o.err == nil {
				o.err = errGone
			}
			return o.frame, o.err
		case <-beat.C:
			if !gone && s.write(bare(working)) != nil {
				gone = true
				cancel()
			}
		}
	}
}

// outcome is the frame of an answer, or why there is none.
type outcome struct {
	frame []byte
	err   error
}

// handle lets a handler answer a request. A panic in the handler fails this request, and ends the link.
func (s *session) handle(ctx context.Context, h http.Handler, r Request, target *url.URL) (o outcome) {
	defer func() {
		if panicked := recover(); panicked != nil {
			s.server.peers.o.Log.Error("panic", "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
			o = outcome{err: errFailed}
		}
	}()
	on := &forwarded{standby: s.peer}
	recorded := &recorder{header: http.Header{}}
	h.ServeHTTP(recorded, r.http(edge.WithConnection(ctx, on), target))
	recorded.WriteHeader(http.StatusOK)
	if recorded.err != nil {
		return outcome{err: recorded.err}
	}
	recorded.answer.Authenticated = on.authenticated.Load()
	frame := recorded.answer.append(newFrame(answer, len(recorded.answer.Body)+usualAnswerHead))
	if len(frame)-frameHeader > maxAnswer {
		return outcome{err: errLongAnswer}
	}
	return outcome{frame: finish(frame)}
}

const usualAnswerHead = 512

// forwarded is the [edge.Connection] of a forwarded request. The standby has already bounded what strangers may send.
type forwarded struct {
	standby       string
	authenticated atomic.Bool
}

// Authenticated implements [edge.Connection].
func (f *forwarded) Authenticated() { f.authenticated.Store(true) }

// Handled implements [edge.Connection].
func (*forwarded) Handled() {}

// AwaitLarge implements [edge.Connection].
func (*forwarded) AwaitLarge(context.Context) error { return nil }

// ForwardedBy returns the name of the standby that has forwarded the request.
func (f *forwarded) ForwardedBy() string { return f.standby }
