package house

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// aDiagram is a block of Mermaid, whose first line says what it is.
var aDiagram = regexp.MustCompile("(?s)```mermaid\n(\\w+)[^\n]*\n(.*?)```")

// A semicolon ends a statement of Mermaid, so GitHub shows an error in place of a diagram whose text has one.
func TestDiagramsHaveNoSemicolon(t *testing.T) {
	found := 0
	for _, s := range sources(t, ".md") {
		for _, diagram := range aDiagram.FindAllStringSubmatch(s.content, -1) {
			require.Contains(t, []string{"sequenceDiagram", "flowchart"}, diagram[1], s.path)
			require.NotContains(t, diagram[2], ";", s.path)
			found++
		}
	}
	require.NotZero(t, found)
}
