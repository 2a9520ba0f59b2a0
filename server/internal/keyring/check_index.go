package keyring

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
)

// tally is the number of CMKs in a state: as the store has recorded it, and as the walk has counted it.
type tally struct{ recorded, actual int }

// listForm matches the part of a record's or an entry's path that all records of its list have in common.
var listForm = regexp.MustCompile(`^(?:list/)?((?:cmk|alias)/[0-9]+/[a-z0-9-]+/|cmk-alias/[0-9]+/[a-z0-9-]+/[^/]+/)`)

func listOf(path string) (records string, ok bool) {
	parts := listForm.FindStringSubmatch(path)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

// noteList notes that the list which the record at path belongs to exists.
func (c *checker) noteList(path string) {
	if records, ok := listOf(path); ok {
		c.lists[records] = true
	}
}

func (c *checker) list(at location, _ []byte) {
	if _, ok := listOf(at.path); !ok {
		c.unknownKind(at.path)
	}
	c.noteList(at.path)
}

// checkIndex counts the state of a CMK, and looks for the record by which the sweeper finds it.
func (c *checker) checkIndex(at location, cmk *CMK) {
	c.tally(at.scope.statePath(cmk.Lifecycle.State)).actual++
	due := cmk.Lifecycle.Due()
	if c.schema == plainSchema || due.IsZero() {
		return
	}
	if path := at.scope.duePath(due, at.name); !c.exists(path) {
		c.problem("record %q: the record %q, by which the sweeper finds it, does not exist", at.path, path)
	}
}

func (c *checker) tally(path string) *tally {
	if c.states[path] == nil {
		c.states[path] = &tally{}
	}
	return c.states[path]
}

func (c *checker) state(at location, value []byte) {
	n, err := parseCount(at.path, value)
	if err != nil {
		c.problem("%v", err)
	}
	c.tally(at.path).recorded = n
}

func (c *checker) due(at location, _ []byte) {
	when, rest, _ := strings.Cut(at.name, "/")
	of, ok := locate(cmkPrefix+rest, cmkPrefix)
	if !ok {
		c.unknownKind(at.path)
		return
	}
	cmk, ok := c.owner(location{path: at.path, scope: of.scope}, of.name)
	if !ok {
		return
	}
	if due := cmk.Lifecycle.Due(); due.IsZero() || of.scope.duePath(due, of.name) != at.path {
		c.problem("record %q: its key does not change at %s", at.path, when)
	}
}

// compareIndices compares what was gathered on the walk with what is recorded.
func (c *checker) compareIndices() error {
	if c.schema == plainSchema {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(c.states)) {
		if n := c.states[path]; n.recorded != n.actual {
			c.problem("record %q: it counts %d keys, and there are %d", path, n.recorded, n.actual)
		}
	}
	for _, records := range slices.Sorted(maps.Keys(c.lists)) {
		problems, err := list.Of(records).Verify(c.reader)
		if err != nil {
			return err
		}
		for _, p := range problems {
			c.problem("%s", p)
		}
	}
	return nil
}
