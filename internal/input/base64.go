package input

import "strings"

// Unfold reads base64: s without its line breaks and without the blanks at the ends of its lines. It leaves other
// blanks, because each may be a "+" that was lost on the way.
func Unfold(s string) string {
	s = strings.TrimFunc(s, isBlank)
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	var line strings.Builder
	line.Grow(len(s))
	for part := range strings.FieldsFuncSeq(s, isLineBreak) {
		line.WriteString(strings.Trim(part, " \t"))
	}
	return line.String()
}

func isLineBreak(r rune) bool { return r == '\n' || r == '\r' }

// IsBase64 reports whether s consists of standard base64 with its padding, in one line. It allocates nothing.
func IsBase64(s string) bool {
	if len(s)%4 != 0 {
		return false
	}
	digits := strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(digits) {
		if !isDigit[digits[i]] {
			return false
		}
	}
	return true
}

// isDigit holds the digits of base64.
var isDigit = func() (digits [256]bool) {
	for _, digit := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		digits[digit] = true
	}
	return digits
}()
