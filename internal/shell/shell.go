// Package shell writes words for the shell, for commands that messages print and people paste.
package shell

import (
	"regexp"
	"strings"
)

// plain needs no quotes in any shell.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Word returns s as a word that a shell reads as s, in quotes only if it needs them.
func Word(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return Quote(s)
}

// Quote returns s as a word in single quotes.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
