package kmsapi

import (
	"iter"
	"strings"
)

// An Escaping is a way to percent-encode: it has the escape of each byte, and "" for bytes that are not escaped. Form
// bodies are written with one, and package signature signs with others.
type Escaping [256]string

// NewEscaping returns the escaping of all bytes but letters, digits, "-", "_", "." and "~" (§1.4). An escape is percent
// followed by two upper-case hex digits. The escape of a space is space.
func NewEscaping(percent, space string) *Escaping {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	const hex = "0123456789ABCDEF"
	e := new(Escaping)
	for c := range e {
		e[c] = percent + hex[c>>4:c>>4+1] + hex[c&15:c&15+1]
	}
	e[' '] = space
	for _, c := range []byte(plain) {
		e[c] = ""
	}
	return e
}

// Pieces yields the pieces of s escaped. It is a sequence because some callers write strings and some append to bytes.
func (e *Escaping) Pieces(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begin := 0
		for i := range len(s) {
			if escape := e[s[i]]; escape != "" {
				if !yield(s[begin:i]) || !yield(escape) {
					return
				}
				begin = i + 1
			}
		}
		yield(s[begin:])
	}
}

// formEscaping is never changed.
var formEscaping = NewEscaping("%", "+")

// formSize returns how many bytes writeForm writes.
func formSize(s string) int {
	size := 0
	for piece := range formEscaping.Pieces(s) {
		size += len(piece)
	}
	return size
}

// writeForm writes s as application/x-www-form-urlencoded.
func writeForm(b *strings.Builder, s string) {
	for piece := range formEscaping.Pieces(s) {
		b.WriteString(piece)
	}
}
