package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Alibaba Cloud called a customer master key (CMK) is a key now. Code and storage keep the old word; users read
// the new one, or "KMS key" where it could be confused with a key of the engine.
var (
	oldTerm = regexp.MustCompile(`\bCMKs?\b`)
	// explainOldTerm are the pages that say what the old word means.
	explainOldTerm = []string{"docs/engine.md", "docs/getting-started.md"}
)

func TestUsersReadOfKeysAndNotOfCMKs(t *testing.T) {
	for _, s := range sources(t, ".go", ".md", ".sh") {
		isTest := strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "test/")
		if isTest || s.path == "CHANGELOG.md" || slices.Contains(explainOldTerm, s.path) {
			continue
		}
		texts := []passage{{1, s.content}}
		if s.kind() == ".go" {
			texts = goStrings(t, s)
		}
		for _, text := range texts {
			for _, at := range oldTerm.FindAllStringIndex(text.text, -1) {
				line := text.line + strings.Count(text.text[:at[0]], "\n")
				t.Errorf("%s:%d: say key, or KMS key: %.60q", s.path, line, text.text[at[0]:])
			}
		}
	}
}

func TestTheOldTermIsExplainedAndNotUsed(t *testing.T) {
	for _, page := range explainOldTerm {
		text, err := os.ReadFile(filepath.Join(top, page))
		require.NoError(t, err)
		require.Contains(t, strings.ReplaceAll(string(text), "\n", " "), "customer master key (CMK)")
		require.Len(t, oldTerm.FindAll(text, -1), 1, page)
	}
}

// goStrings returns the strings of a Go file, which may become messages.
func goStrings(t *testing.T, s source) (found []passage) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, s.path, s.content, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			found = append(found, passage{files.Position(literal.Pos()).Line, value})
		}
		return true
	})
	return found
}
