package house

import (
	"io/fs"
	"maps"
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

// exempt names what a rule does not hold for yet: folders, each with those below it, and single files. "." is the top
// folder alone.
type exempt map[string]bool

// entry returns the name that exempts a file, or "".
func (e exempt) entry(file string) string {
	if path.Dir(file) == "." && e["."] {
		return "."
	}
	for ; file != "."; file = path.Dir(file) {
		if e[file] {
			return file
		}
	}
	return ""
}

func TestExemptionsHoldForFilesBelow(t *testing.T) {
	e := exempt{".": true, "server": true, "docs/design.md": true}
	for file, entry := range map[string]string{
		"main.go":                     ".",
		"server/main.go":              "server",
		"server/internal/store/db.go": "server",
		"docs/design.md":              "docs/design.md",
		"docs/engine.md":              "",
		"servers/main.go":             "",
	} {
		require.Equal(t, entry, e.entry(file), file)
	}
}

// report fails the test for what a rule found, and counts it by folder where the rule does not hold yet.
type report struct {
	pending exempt
	used    exempt
	counts  map[string]int
}

func newReport(pending exempt) *report {
	return &report{pending: pending, used: exempt{}, counts: map[string]int{}}
}

func (r *report) add(t *testing.T, s source, line int, found string) {
	entry := r.pending.entry(s.path)
	if entry == "" {
		t.Errorf("%s:%d: %s", s.path, line, found)
		return
	}
	r.used[entry] = true
	r.counts[path.Dir(s.path)]++
}

// log prints the counts, and the exemptions that nothing needs any more.
func (r *report) log(t *testing.T) {
	for _, folder := range slices.Sorted(maps.Keys(r.counts)) {
		t.Logf("%4d %s", r.counts[folder], folder)
	}
	for _, entry := range slices.Sorted(maps.Keys(r.pending)) {
		if !r.used[entry] {
			t.Logf("%s is clean: remove it from the exemptions", entry)
		}
	}
}
