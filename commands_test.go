package alicloudkms

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

var (
	// command finds a Vault command on a path of the engine in a message or a help text.
	command = regexp.MustCompile(
		`vault (read|write|list|patch|delete)((?: -[a-z]+(?:=\S+)?)*) (?:\{mount\}|%s|%\[\d\]s|alicloudkms/)([^\s,;"]+)((?: [a-z_]+=)?.*)`)
	given = regexp.MustCompile(` ([a-z_]+)=`)
	// blanks are the placeholders of a message.
	blanks = regexp.MustCompile(`\{key\}|%s|%\[\d\]s|NAME`)
)

var operationOf = map[string]logical.Operation{
	"read": logical.ReadOperation, "write": logical.UpdateOperation, "list": logical.ListOperation,
	"patch": logical.PatchOperation, "delete": logical.DeleteOperation,
}

// literals returns the string constants of the engine's own sources, line by line.
func literals(t *testing.T) (lines []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				lines = append(lines, strings.Split(text, "\n")...)
			}
			return true
		})
	}
	return lines
}

// Advice that names a command with an unknown path, operation or field is worse than none.
func TestEveryCommandInAMessageIsOneThatTheEngineHas(t *testing.T) {
	b := newRig(t).backend()
	lines := literals(t)
	for _, path := range b.Paths {
		lines = append(lines, strings.Split(path.HelpDescription, "\n")...)
	}
	found := 0
	for _, line := range lines {
		for match := command.FindStringSubmatch(line); match != nil; match = command.FindStringSubmatch(match[4]) {
			if strings.HasSuffix(match[3], "/") { // The rest of the path is in another literal.
				continue
			}
			checkCommand(t, b, match)
			found++
		}
	}
	require.Greater(t, found, 60)
}

func checkCommand(t *testing.T, b *backend, match []string) {
	t.Helper()
	op, path := operationOf[match[1]], strings.TrimSuffix(blanks.ReplaceAllString(match[3], "a"), ".")
	route := b.Route(path)
	require.NotNil(t, route, "no path: %s", match[0])
	require.NotNil(t, route.Operations[op], "no such operation: %s", match[0])
	rest, _, _ := strings.Cut(match[4], " vault ")
	rest, _, _ = strings.Cut(rest, ", ")
	for _, field := range given.FindAllStringSubmatch(rest, -1) {
		require.True(t, hasField(route, op, field[1]), "no field %s: %s", field[1], match[0])
	}
}

func hasField(route *framework.Path, op logical.Operation, name string) bool {
	schema := route.Fields[name]
	return schema != nil && fields.Takes(op, name, schema)
}
