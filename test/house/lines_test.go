package house

import (
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const (
	// maxColumns is the length of a line. A tab counts as one column.
	maxColumns = 120
	// besideLiteral is how many columns a longer line may have besides its longest string literal.
	besideLiteral = 40
)

func TestLinesEndAt120Columns(t *testing.T) {
	for _, s := range sources(t, ".go", ".mjs", ".sh", ".service", "Makefile", "run") {
		for _, line := range longLines(s) {
			t.Errorf("%s:%d: the line is longer than %d columns, and is not one string literal", s.path, line, maxColumns)
		}
	}
}

// longLines returns the numbers of the lines that are too long.
func longLines(s source) (numbers []int) {
	literals := literalColumns(s)
	for i, line := range s.lines() {
		if columns := utf8.RuneCountInString(line); columns > maxColumns && columns-literals[i] > besideLiteral {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// literalColumns returns the length of the longest string literal on each line.
func literalColumns(s source) []int {
	if s.kind() == ".go" {
		return goLiterals(s)
	}
	columns := make([]int, len(s.lines()))
	for i, line := range s.lines() {
		for _, literal := range quoted.FindAllString(line, -1) {
			columns[i] = max(columns[i], utf8.RuneCountInString(literal))
		}
	}
	return columns
}

var quoted = regexp.MustCompile("'[^']*'|\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

func goLiterals(s source) []int {
	columns := make([]int, len(s.lines()))
	files := token.NewFileSet()
	file := files.AddFile(s.path, files.Base(), len(s.content))
	var scan scanner.Scanner
	scan.Init(file, []byte(s.content), nil, 0)
	for {
		position, kind, literal := scan.Scan()
		if kind == token.EOF {
			return columns
		}
		if kind != token.STRING {
			continue
		}
		first := file.Line(position) - 1
		for i, part := range strings.Split(literal, "\n") {
			columns[first+i] = max(columns[first+i], utf8.RuneCountInString(part))
		}
	}
}

func TestOnlyALineThatIsOneLiteralMayBeLonger(t *testing.T) {
	long, words := strings.Repeat("x", 130), strings.Repeat("word ", 26)
	for name, tc := range map[string]struct {
		path, line string
		tooLong    bool
	}{
		"120 columns":          {"a.go", "// " + strings.Repeat("x", 117), false},
		"121 columns":          {"a.go", "// " + strings.Repeat("x", 118), true},
		"wide characters":      {"a.go", "// " + strings.Repeat("é", 117), false},
		"one literal":          {"a.go", `	"` + long + `",`, false},
		"a key":                {"a.go", `	"` + "Forbidden.KeyNotFound" + `": "` + long + `",`, false},
		"a call":               {"a.go", `	return badRequest("` + long + `", name)`, false},
		"an escaped quote":     {"a.go", `	return badRequest("` + words + `\"` + words + `")`, false},
		"much beside it":       {"a.go", `	require.Equal(t, a.Description, made.Description, "` + long + `")`, true},
		"a concatenation":      {"a.go", `	message := "` + long + `" + "` + long + `"`, true},
		"quotes in a comment":  {"a.go", `	// "` + long + `"`, true},
		"code":                 {"a.go", `	x := f(` + strings.Repeat("x, ", 50) + `)`, true},
		"a raw string":         {"a.go", "	const help = `one\n" + words + "\nthree`", false},
		"a literal of a shell": {"a.sh", `	echo "` + long + `" >&2`, false},
		"code of a shell":      {"a.sh", `	echo ` + words, true},
		"one of JavaScript":    {"a.mjs", "	message = `" + long + "`", false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.tooLong, len(longLines(source{path: tc.path, content: tc.line})) > 0)
		})
	}
}
