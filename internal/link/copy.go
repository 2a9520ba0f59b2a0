package link

import (
	"errors"
	"io"
	"net"
	"time"
)

// chunk is what one read returned. The last of a connection is empty and has an error, io.EOF for an orderly end.
type chunk struct {
	content []byte
	read    time.Time
	err     error
}

// onTheWay is how many chunks a delayed link reads ahead, of up to 32 KiB each.
const onTheWay = 256

// copy copies one way, later by the delay, and stops while that way is held.
func (l *Link) copy(to, from *net.TCPConn, held func(Fault) bool) {
	chunks := make(chan chunk, onTheWay)
	done := make(chan struct{})
	defer close(done)
	l.running.Go(func() { read(from, chunks, done) })
	for c := range chunks {
		if !l.pass(to, c, held) {
			l.drop(to, from)
			return
		}
	}
}

// read reads until the connection ends, or done is closed and it is reset.
func read(from *net.TCPConn, chunks chan<- chunk, done <-chan struct{}) {
	defer close(chunks)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case chunks <- chunk{content: append([]byte(nil), buffer[:n]...), read: time.Now(), err: err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

// pass sends a chunk on when it is due, and reports whether the connection goes on, if only the other way.
func (l *Link) pass(to *net.TCPConn, c chunk, held func(Fault) bool) bool {
	if !l.delay(c.read) || !l.await(to, held) {
		return false
	}
	if _, err := to.Write(c.content); err != nil {
		return false
	}
	if errors.Is(c.err, io.EOF) {
		return to.CloseWrite() == nil
	}
	return c.err == nil
}

// delay waits until data that was read at that time has been delayed for long enough, and reports whether it may pass.
func (l *Link) delay(read time.Time) bool {
	for {
		f, changed := l.state()
		left := f.Delay - time.Since(read)
		if f.Cut || left <= 0 {
			return !f.Cut
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
			timer.Stop()
		}
	}
}
