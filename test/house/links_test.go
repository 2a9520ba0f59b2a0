package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	const root = "../.."
	documents, err := filepath.Glob(filepath.Join(root, "*.md"))
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			documents = append(documents, path)
		}
		return err
	}))
	require.Contains(t, documents, filepath.Join(root, "docs", "engine", "encrypt.md"))
	checked := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			linked := document
			if target != "" {
				linked = filepath.Join(filepath.Dir(document), target)
			}
			_, err := os.Stat(linked)
			require.NoError(t, err, "%s links to %s", document, target)
			if anchor != "" {
				require.Contains(t, anchors(t, linked), anchor, "%s links to %s", document, match[1])
			}
			checked++
		}
	}
	require.NotZero(t, checked)
}

func TestEveryPageOfTheEngineIsInItsIndex(t *testing.T) {
	index, err := os.ReadFile("../../docs/engine.md")
	require.NoError(t, err)
	pages, err := filepath.Glob("../../docs/engine/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		require.Contains(t, string(index), "](engine/"+filepath.Base(page)+")")
	}
}

var (
	heading     = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the anchors of a document's headings, as sites that render Markdown generate them.
func anchors(t *testing.T, document string) []string {
	t.Helper()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	var found []string
	for _, match := range heading.FindAllStringSubmatch(string(text), -1) {
		found = append(found, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return found
}
