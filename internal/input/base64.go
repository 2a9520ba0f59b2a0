package input

import (
	"path"
	"slices"
	"strings"
)

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

// maxFileName bounds, in bytes, what may be shown as the name of a file.
const maxFileName = 64

// fileTypes are the extensions of files that hold base64 or PEM.
var fileTypes = []string{
	".b64", ".base64", ".bin", ".cer", ".crt", ".der", ".enc", ".json", ".key", ".pem", ".pub", ".sig", ".token", ".txt",
}

// IsFileName reports whether s, which is neither base64 nor PEM, is surely the name of a file and may be shown: neither
// base64, nor a token with dots in it, ends in one of these few extensions.
func IsFileName(s string) bool {
	return len(s) <= maxFileName && slices.Contains(fileTypes, strings.ToLower(path.Ext(s))) &&
		!strings.ContainsFunc(s, isNotOfFileName)
}

func isNotOfFileName(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("._-/~", r)
}
