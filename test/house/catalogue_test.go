package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// What is known of operations and error codes is in the rows of kmsapi. The files below hold what only they can know.
var ownTables = map[string]string{
	"advice.go":                 "what to do, for the engine's callers",
	"advice_config.go":          "what to do, for callers that configure the engine",
	"internal/advice/advice.go": "the form of such tables",
	"seal/errors.go":            "what to do, for people who unseal a server",
	"seal/keys_advice.go":       "what to do, for people who set up External Keys",
	"cmd/sigstore-kms-alicloudkms/internal/kmskeys/advice.go": "what to do, for people who sign",
	"server/internal/api/operations.go":                       "the handlers",
	"credentials/sts.go":                                      "the codes that STS alone has",
	"internal/ram/ramtest/verify.go":                          "what a double of RAM says, for tests",
}

func TestWhatIsKnownOfOperationsAndCodesIsInTheCatalogue(t *testing.T) {
	found := map[string]bool{}
	for path, file := range shippedFiles(t) {
		problems := tablesIn(file)
		if _, own := ownTables[path]; own {
			found[path] = len(problems) > 0
			continue
		}
		require.Empty(t, problems, path)
	}
	for path := range ownTables {
		require.True(t, found[path], "%s no longer has a table of its own: take it off the list", path)
	}
}

func TestTablesOfOperationsAndCodesAreFound(t *testing.T) {
	for name, body := range map[string]string{
		"a code":                   `_ = "Forbidden.KeyNotFound"`,
		"an operation's name":      `_ = "GenerateDataKey"`,
		"a map by code":            `_ = map[kmsapi.Code]bool{}`,
		"a map by operation":       `_ = map[kmsapi.Operation]string{}`,
		"a switch over operations": `switch op { case kmsapi.OpEncrypt: }`,
		"a switch over codes":      `switch code { case kmsapi.ErrKeyNotFound.Code: }`,
		"a switch over errors":     `switch { case errors.Is(err, kmsapi.ErrKeyNotFound): default: switch err { case kmsapi.ErrThrottling: } }`,
	} {
		t.Run(name, func(t *testing.T) { require.NotEmpty(t, tablesIn(parse(t, body))) })
	}
	for name, body := range map[string]string{
		"an operation by its constant": `_ = kmsapi.OpEncrypt`,
		"an error by its value":        `_ = errors.Is(err, kmsapi.ErrKeyNotFound)`,
		"any other string":             `_ = "The key is not there: KeyNotFound"`,
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, tablesIn(parse(t, body))) })
	}
}

func parse(t *testing.T, body string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+body+"\n}", 0)
	require.NoError(t, err)
	return file
}

// shippedFiles returns the Go files of the root module that ship, outside kmsapi, by their paths from the root.
func shippedFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	const root = "../.."
	files := map[string]*ast.File{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"kmsapi", "test", "bin", ".git"}, name) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			files[filepath.ToSlash(name)], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		}
		return err
	}))
	require.Contains(t, files, "backend.go")
	return files
}

// tablesIn returns what in file belongs in the catalogue: names of operations and codes, and tables of them.
func tablesIn(file *ast.File) (problems []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && isRowName(text) {
				problems = append(problems, "the string "+n.Value)
			}
		case *ast.MapType:
			if name := kmsapiName(n.Key); name == "Code" || name == "Operation" {
				problems = append(problems, "a map by kmsapi."+name)
			}
		case *ast.CaseClause:
			for _, expression := range n.List {
				if isRow(expression) {
					problems = append(problems, "a switch over operations or codes")
				}
			}
		}
		return true
	})
	return problems
}

func isRowName(text string) bool {
	return slices.Contains(kmsapi.Operations(), kmsapi.Operation(text)) ||
		slices.Contains(kmsapi.Codes(), kmsapi.Code(text))
}

// isRow reports whether e is an operation, an error of KMS or the code of one.
func isRow(e ast.Expr) bool {
	if selector, ok := e.(*ast.SelectorExpr); ok && selector.Sel.Name == "Code" {
		return isRow(selector.X)
	}
	name := kmsapiName(e)
	return strings.HasPrefix(name, "Op") || strings.HasPrefix(name, "Err")
}

// kmsapiName returns X if e is kmsapi.X, and "" otherwise.
func kmsapiName(e ast.Expr) string {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if from, ok := selector.X.(*ast.Ident); !ok || from.Name != "kmsapi" {
		return ""
	}
	return selector.Sel.Name
}
