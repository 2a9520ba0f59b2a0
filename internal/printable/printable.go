// Package printable makes other people's text safe to print, in logs, messages and reports.
package printable

import (
	"strings"
	"unicode"
)

// Text returns s with U+FFFD for everything that a terminal could take for a command, that could forge a line, or that
// would not be seen: control characters and line breaks, invisible characters, changes of direction, and what is not
// UTF-8.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
