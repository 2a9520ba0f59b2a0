package peers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// kind is the kind of a frame.
type kind byte

// The kinds of frames; see the package comment.
const (
	ping kind = iota
	pong
	hello
	request
	answer
	refusal
	working
	goodbye
)

// frameHeader is the length of what precedes the content of a frame.
const frameHeader = 5

// newFrame returns a frame of k without content, with room for size bytes of it. [finish] completes it.
func newFrame(k kind, size int) []byte {
	frame := make([]byte, frameHeader, frameHeader+size)
	frame[0] = byte(k)
	return frame
}

// finish writes the length into a frame whose content is complete.
func finish(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame[1:frameHeader], uint32(len(frame)-frameHeader))
	return frame
}

// bare returns a frame of k without content.
func bare(k kind) []byte { return newFrame(k, 0) }

// bounds are the longest contents of the kinds that one end accepts, in bytes. Other kinds are refused.
type bounds map[kind]int

// deadliner is what a frame is read from.
type deadliner interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

// readFrame reads a frame within the bounds. Its first bytes must arrive within wait, and the rest within content.
func readFrame(conn deadliner, b bounds, wait, content time.Duration) (kind, []byte, error) {
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, nil, err
	}
	var header [frameHeader]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		return 0, nil, err
	}
	k, size := kind(header[0]), binary.BigEndian.Uint32(header[1:])
	most, known := b[k]
	if !known || uint64(size) > uint64(most) {
		return k, nil, fmt.Errorf("%w: a frame of kind %d with %d bytes", errMessage, k, size)
	}
	if size == 0 {
		return k, nil, nil
	}
	if err := conn.SetReadDeadline(time.Now().Add(content)); err != nil {
		return k, nil, err
	}
	received, err := readContent(conn, int(size))
	return k, received, err
}

// atOnce is how much memory is allocated for a content before any of it has arrived, in bytes.
const atOnce = 32 << 10

// readContent reads size bytes.
func readContent(r io.Reader, size int) ([]byte, error) {
	if size <= atOnce {
		content := make([]byte, size)
		_, err := io.ReadFull(r, content)
		return content, err
	}
	var content bytes.Buffer
	content.Grow(atOnce)
	n, err := content.ReadFrom(io.LimitReader(r, int64(size)))
	if err == nil && n < int64(size) {
		err = io.ErrUnexpectedEOF
	}
	return content.Bytes(), err
}
