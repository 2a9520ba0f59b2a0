package house

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// top is the folder of the repository.
const top = "../.."

// source is a file that people write and read.
type source struct {
	path    string // From the top, with slashes.
	content string
}

// kind returns what the file's name says about its language: its extension, or its whole name if it has none.
func (s source) kind() string {
	if ext := path.Ext(s.path); ext != "" {
		return ext
	}
	return path.Base(s.path)
}

func (s source) lines() []string { return strings.Split(s.content, "\n") }

// sources returns the files of the given kinds, in every module of the repository.
func sources(t *testing.T, kinds ...string) []source {
	t.Helper()
	var found []source
	require.NoError(t, filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipGenerated(entry.Name())
		}
		s := source{path: filepath.ToSlash(strings.TrimPrefix(file, top+string(filepath.Separator)))}
		if !slices.Contains(kinds, s.kind()) {
			return nil
		}
		content, err := os.ReadFile(file)
		s.content = string(content)
		found = append(found, s)
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

// skipGenerated skips folders that hold nothing written by hand.
func skipGenerated(name string) error {
	hidden := strings.HasPrefix(name, ".") && name != ".." && name != ".ci"
	if hidden || name == "bin" || name == "node_modules" {
		return fs.SkipDir
	}
	return nil
}
