package keyring

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
)

// tally is a number of CMKs or versions: as the store has recorded it, and as the walk has counted it.
type tally struct{ recorded, actual int }

// listForm matches the part of a path that all records of a list have in common, with or without the prefix of list
// blocks.
var listForm = regexp.MustCompile(`^(?:list/)?((?:cmk|alias|secret)/[0-9]+/[a-z0-9-]+/|cmk-alias/[0-9]+/[a-z0-9-]+/[^/]+/)`)

func listOf(path string) (records string, ok bool) {
	parts := listForm.FindStringSubmatch(path)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

// noteList records that the list of the record at path exists.
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

// checkIndex counts the state of a CMK, and checks the records by which the sweeper finds it.
func (c *checker) checkIndex(at location, cmk *CMK) {
	c.tally(at.scope.statePath(cmk.Lifecycle.State)).actual++
	if c.schema == plainSchema {
		return
	}
	keyed := *cmk
	keyed.KeyID = at.name
	for _, path := range at.scope.timePaths(&keyed) {
		if !c.exists(path) {
			c.problem("record %q: the record %q, by which the sweeper finds it, does not exist", at.path, path)
		}
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

// count checks the record that counts versions.
func (c *checker) count(at location, value []byte) {
	if at.path != at.scope.versionCountPath() {
		c.unknownKind(at.path)
		return
	}
	c.state(at, value)
}

func (c *checker) due(at location, _ []byte) {
	c.timed(at, func(cmk *CMK) time.Time { return cmk.Lifecycle.Due() }, Scope.duePath, "does not change at")
}

func (c *checker) rotation(at location, _ []byte) {
	c.timed(at, (*CMK).rotationDue, Scope.rotationPath, "is not to be rotated at")
}

// timed checks a record that is ordered by time. Its time must be what of returns for the CMK.
func (c *checker) timed(
	at location, of func(*CMK) time.Time, path func(Scope, time.Time, string) string, otherwise string,
) {
	when, rest, _ := strings.Cut(at.name, "/")
	key, ok := locate(cmkPrefix+rest, cmkPrefix)
	if !ok {
		c.unknownKind(at.path)
		return
	}
	cmk, ok := c.owner(location{path: at.path, scope: key.scope}, key.name)
	if !ok {
		return
	}
	if due := of(cmk.CMK); due.IsZero() || path(key.scope, due, key.name) != at.path {
		c.problem("record %q: its key %s %s", at.path, otherwise, when)
	}
}

// counted returns what the record at path counts.
func counted(path string) string {
	if strings.HasPrefix(path, statePrefix) {
		return "keys"
	}
	return "versions"
}

// compareIndices compares what the walk has gathered with what the store has recorded.
func (c *checker) compareIndices() error {
	if c.schema == plainSchema {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(c.states)) {
		if n := c.states[path]; n.recorded != n.actual {
			c.problem("record %q: it counts %d %s, and there are %d", path, n.recorded, counted(path), n.actual)
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
