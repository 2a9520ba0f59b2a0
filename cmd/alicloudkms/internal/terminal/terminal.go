// Package terminal makes other people's text safe to print: what a server sends, what a running service answers, and
// what is in a file.
package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape returns s with everything escaped that a terminal could take for a command or show as something else:
// control characters, invisible ones, changes of direction, and what is not UTF-8. Characters in keep stay.
func Escape(s, keep string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteString(s[:size])
		default:
			b.WriteString(escape(r))
		}
		s = s[size:]
	}
	return b.String()
}

// escape returns r as JSON escapes it.
func escape(r rune) string {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
