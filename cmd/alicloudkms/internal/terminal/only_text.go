package terminal

import (
	"errors"
	"io"
	"unicode"
	"unicode/utf8"
)

// ErrBinary is the error of [OnlyText] about what a terminal must not get.
var ErrBinary = errors.New("the result is not text, and standard output is a terminal: write it to a file with -out, or into a pipe")

// OnlyText writes text to a terminal and refuses everything else, so that nothing in it can command the terminal. It
// must be closed, because the beginning of a character may wait in it for the rest.
type OnlyText struct {
	To   io.Writer
	wait []byte
}

// Write implements [io.Writer]. Errors: [ErrBinary], after the text before it, and those of the terminal.
func (w *OnlyText) Write(p []byte) (int, error) {
	all := append(w.wait, p...)
	n := textLength(all)
	if n < len(all) && !mayBegin(all[n:]) {
		_, err := w.To.Write(all[:n])
		return 0, errors.Join(err, ErrBinary)
	}
	w.wait = append([]byte(nil), all[n:]...)
	if _, err := w.To.Write(all[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close reports [ErrBinary] if what was written has ended within a character. It does not close the terminal.
func (w *OnlyText) Close() error {
	if len(w.wait) > 0 {
		return ErrBinary
	}
	return nil
}

// textLength returns how many bytes of p, from its beginning, are text.
func textLength(p []byte) (n int) {
	for n < len(p) {
		r, size := utf8.DecodeRune(p[n:])
		switch {
		case r == utf8.RuneError && size == 1:
			return n
		case r == '\r' && n+1 < len(p) && p[n+1] == '\n': // A line break of Windows.
			size = 2
		case !unicode.IsPrint(r) && r != '\n' && r != '\t':
			return n
		}
		n += size
	}
	return n
}

// mayBegin reports whether more bytes could make p text, which it is not yet.
func mayBegin(p []byte) bool { return string(p) == "\r" || !utf8.FullRune(p) }
