package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// link is a connection to a peer. One goroutine uses it at a time.
type link struct {
	conn *tls.Conn
	// raw is the connection below conn.
	raw   net.Conn
	times times
	used  time.Time
	// anchor comes from the last pong.
	anchor anchor
}

// dialLink connects to a peer, and returns once the peer has accepted this node.
func dialLink(ctx context.Context, address string, config *tls.Config, t times) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, t.dial)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: tls.Client(raw, config), raw: raw, times: t, used: time.Now()}
	if err = l.conn.HandshakeContext(ctx); err == nil {
		err = l.ping(ctx) // In TLS 1.3 a client learns only from the first answer that its certificate was refused.
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// close ends the connection at once. It may be called while another goroutine uses the link. Data that the peer has not
// received is dropped: otherwise the system would keep sending it, for minutes after the request has failed.
func (l *link) close() {
	if conn, ok := l.raw.(*net.TCPConn); ok {
		_ = conn.SetLinger(0) // An error here or below means that it has already ended.
	}
	_ = l.raw.Close()
}

// errNotWritten is the error of an exchange in which the peer has not received the whole frame.
var errNotWritten = errors.New("not written")

// exchange writes a frame and reads frames until one is of a kind other than working, within total. After an error, or
// when ctx ends, the link is closed. The error wraps [errNotWritten] if the peer can't have received the whole frame.
func (l *link) exchange(ctx context.Context, frame []byte, b bounds, total time.Duration) (kind, []byte, error) {
	defer context.AfterFunc(ctx, l.close)()
	k, content, err := l.converse(frame, b, time.Now().Add(total))
	if err != nil {
		l.close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", err, ctx.Err())
		}
		return k, nil, err
	}
	l.used = time.Now()
	return k, content, nil
}

func (l *link) converse(frame []byte, b bounds, until time.Time) (kind, []byte, error) {
	if err := l.write(frame); err != nil {
		// The peer can't have read a frame that was written in part: its last TLS record is incomplete.
		return 0, nil, fmt.Errorf("%w: %w", errNotWritten, err)
	}
	for {
		k, content, err := readFrame(l.conn, b, min(l.times.alive, time.Until(until)), l.times.content)
		if err != nil || k != working {
			return k, content, err
		}
	}
}

func (l *link) write(frame []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.times.content)); err != nil {
		return err
	}
	_, err := l.conn.Write(frame)
	return err
}

// ping asks for a sign of life.
func (l *link) ping(ctx context.Context) error {
	asked := time.Now()
	_, content, err := l.exchange(ctx, bare(ping), bounds{pong: expirySize}, l.times.alive)
	if err != nil {
		return err
	}
	theirs, _, err := cutElapsed(content)
	if err != nil {
		l.close()
		return err
	}
	l.anchor = anchor{theirs, asked}
	return nil
}

// isQuiet reports whether nothing has arrived on an idle link. If the peer has closed it, or says goodbye, something
// has.
func (l *link) isQuiet() bool {
	conn, ok := l.raw.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
