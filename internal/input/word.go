package input

import (
	"errors"
	"strings"
	"unicode"
)

// ErrControl is the error of [Word].
var ErrControl = errors.New("has a line break or another control character inside")

// Word reads an identifier or a secret: s without the white space and control characters at its ends. Inside, only
// spaces may be blank. The byte order mark, with which some editors begin a file, counts as a control character.
func Word(s string) (string, error) {
	s = strings.TrimFunc(s, isBlank)
	if strings.ContainsFunc(s, isControl) {
		return "", ErrControl
	}
	return s, nil
}

func isBlank(r rune) bool { return r == ' ' || isControl(r) }

func isControl(r rune) bool { return !unicode.IsPrint(r) }
