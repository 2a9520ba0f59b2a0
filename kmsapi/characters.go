package kmsapi

import "unicode/utf8"

// characters are the ASCII characters that a string may have. They are not a regular expression because a request
// checks the name of its secret three times, each of which would take half a microsecond.
type characters [utf8.RuneSelf]bool

// lettersDigitsAnd returns the set of ASCII letters, digits and others, which must be ASCII.
func lettersDigitsAnd(others string) *characters {
	const lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var set characters
	for _, c := range lettersAndDigits + others {
		set[c] = true
	}
	return &set
}

// contain reports whether text has no other characters.
func (set *characters) contain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf || !set[text[i]] {
			return false
		}
	}
	return true
}
