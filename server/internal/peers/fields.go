package peers

import (
	"encoding/binary"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
)

// errMessage reports a message that no peer of this version would send.
var errMessage = errors.New("the message is malformed")

// appendField appends the length of s and then s.
func appendField[T string | []byte](message []byte, s T) []byte {
	message = binary.AppendUvarint(message, uint64(len(s)))
	return append(message, s...)
}

// appendHeader appends the number of lines of h, and then name and value of each.
func appendHeader(message []byte, h http.Header) []byte {
	lines := 0
	for _, values := range h {
		lines += len(values)
	}
	message = binary.AppendUvarint(message, uint64(lines))
	for name, values := range h {
		for _, value := range values {
			message = appendField(appendField(message, name), value)
		}
	}
	return message
}

// fields reads what the functions above have appended. Its strings share the memory of the message.
type fields struct {
	rest string
	// err is the first error. After it, all fields are empty.
	err error
}

func (f *fields) number() uint64 {
	// Copy no more than the longest number, ten bytes.
	n, size := binary.Uvarint([]byte(f.rest[:min(len(f.rest), binary.MaxVarintLen64)]))
	if f.err != nil || size <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[size:]
	return n
}

func (f *fields) field() string {
	size := f.number()
	if size > uint64(len(f.rest)) {
		f.fail()
		return ""
	}
	s := f.rest[:size]
	f.rest = f.rest[size:]
	return s
}

func (f *fields) fail() {
	f.err, f.rest = errMessage, ""
}

// minLine is the least that a line of a header takes in a message: two lengths and a name of one byte.
const minLine = 3

// header reads a header. Its lines must be valid in HTTP/1.1.
func (f *fields) header() http.Header {
	lines := f.number()
	if lines > uint64(len(f.rest)/minLine) {
		f.fail()
		return nil
	}
	h := make(http.Header, min(lines, usualLines))
	for ; lines > 0 && f.err == nil; lines-- {
		name, value := f.field(), f.field()
		if !isToken(name) || textproto.CanonicalMIMEHeaderKey(name) != name || !isFieldValue(value) {
			f.fail()
			return nil
		}
		h[name] = append(h[name], value)
	}
	return h
}

// usualLines is more than most requests have.
const usualLines = 16

// isToken reports whether s is a method or the name of a header: RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		isAlphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !isAlphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s has no control characters except tabs: RFC 9110, section 5.5.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
