package main

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v3"
)

// helpColumns is how wide help may be.
const helpColumns = 120

// usageColumn is how the first line begins.
const usageColumn = "usage: "

// printFolded is the library's printer of help, without wide lines and without spaces at their ends.
func printFolded(w io.Writer, template string, data any, functions map[string]any) {
	var help strings.Builder
	cli.DefaultPrintHelpCustom(&help, template, data, functions)
	for line := range strings.Lines(help.String()) {
		_, _ = io.WriteString(w, foldLine(strings.TrimRight(line, " \n"))+"\n")
	}
}

// foldLine breaks a line of a table that is wider than help may be. The rest goes below its second column.
func foldLine(line string) string {
	first, second := cutColumns(line)
	if utf8.RuneCountInString(line) <= helpColumns || second == "" {
		return line
	}
	indent := utf8.RuneCountInString(first)
	folded, width := first, indent
	for n, word := range strings.Fields(second) {
		length := utf8.RuneCountInString(word)
		switch {
		case n == 0:
		case width+1+length > helpColumns:
			folded, width = folded+"\n"+strings.Repeat(" ", indent), indent
		default:
			folded, width = folded+" ", width+1
		}
		folded, width = folded+word, width+length
	}
	return folded
}

// cutColumns returns the two columns of an indented line, the first with the spaces around it, or of the usage. Without
// two spaces in between, second is empty.
func cutColumns(line string) (first, second string) {
	if usage, found := strings.CutPrefix(line, usageColumn); found {
		return usageColumn, usage
	}
	text := strings.TrimLeft(line, " ")
	_, rest, found := strings.Cut(text, "  ")
	if text == line || !found {
		return line, ""
	}
	second = strings.TrimLeft(rest, " ")
	return line[:len(line)-len(second)], second
}
