package versions

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// prefix begins every string that a key has made: what it has encrypted, wrapped or signed.
const prefix = "vault:v"

// ErrForm says that a string has a prefix which is not vault:v and the number of a version.
var ErrForm = errors.New("the string before the last colon must be vault:v and the number of a version, such as vault:v1")

// Join returns what version n has made, with its prefix.
func Join(n int, made string) string { return prefix + strconv.Itoa(n) + ":" + made }

// JoinBytes is Join for bytes, which it encodes in base64, in pieces: the whole of it need not be in memory twice.
func JoinBytes(n int, made []byte) string {
	const piece = 3 << 8
	var text strings.Builder
	text.Grow(len(prefix) + len("4294967295:") + base64.StdEncoding.EncodedLen(len(made)))
	text.WriteString(Join(n, ""))
	encoded := make([]byte, 0, piece/3*4)
	for part := range slices.Chunk(made, piece) {
		text.Write(base64.StdEncoding.AppendEncode(encoded, part))
	}
	return text.String()
}

// Split divides a string into the number of its version and what that version has made. The number is 0 if there is no
// prefix. It must not be trusted: anyone can write it. A prefix that is not well formed is [ErrForm].
func Split(text string) (n int, made string, err error) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return 0, text, nil
	}
	digits, ok := strings.CutPrefix(text[:colon], prefix)
	if !ok || !isNumber(digits) {
		return 0, "", ErrForm
	}
	if n, err = strconv.Atoi(digits); err != nil {
		n = maxNumber // No table has that version, so any number that no table has will do.
	}
	return n, text[colon+1:], nil
}

// maxNumber stands for every number that is too long.
const maxNumber = 1<<31 - 1

// isNumber reports whether s is a number without leading zeros, and not 0.
func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && s[0] != '0'
}
