package server

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
)

// tally is the number of CMKs in a state: as the store tells it, and as it is.
type tally struct{ told, are int }

// listForm finds, in the path of a record or of an entry, the beginning that all records of its list have.
var listForm = regexp.MustCompile(`^(?:list/)?((?:cmk|alias)/[0-9]+/[a-z0-9-]+/|cmk-alias/[0-9]+/[a-z0-9-]+/[^/]+/)`)

func listOf(path string) (records string, ok bool) {
	parts := listForm.FindStringSubmatch(path)
	if parts == nil {
		return "", false
	}
	return parts[1], true
}

// listed notes that there is a list which the record at path belongs to.
func (k *checker) listed(path string) {
	if records, ok := listOf(path); ok {
		k.lists[records] = true
	}
}

func (k *checker) list(at place, _ []byte) {
	if _, ok := listOf(at.path); !ok {
		k.problem("record %q: it is not of a kind that this program knows", at.path)
	}
	k.listed(at.path)
}

// entered notes the state of a CMK, and looks for the entry that lets the sweeper find it.
func (k *checker) entered(at place, record *cmkRecord) {
	k.tally(statePath(at.scope, record.Lifecycle.State)).are++
	due := record.Lifecycle.Due()
	if !k.indexed || due.IsZero() {
		return
	}
	if path := duePath(at.scope, due, at.name); !k.has(path) {
		k.problem("record %q: the record %q, by which the sweeper finds it, is not there", at.path, path)
	}
}

func (k *checker) has(path string) bool {
	_, err := k.reader.Get(path)
	return err == nil
}

func (k *checker) tally(path string) *tally {
	if k.states[path] == nil {
		k.states[path] = &tally{}
	}
	return k.states[path]
}

func (k *checker) state(at place, value []byte) {
	n, err := parseCount(at.path, value)
	if err != nil {
		k.problem("%v", err)
	}
	k.tally(at.path).told = n
}

func (k *checker) due(at place, _ []byte) {
	when, rest, _ := strings.Cut(at.name, "/")
	cmk, ok := placeOf(cmkPrefix+rest, cmkPrefix)
	if !ok {
		k.problem("record %q: it is not of a kind that this program knows", at.path)
		return
	}
	record, ok := k.owner(place{path: at.path, scope: cmk.scope}, cmk.name)
	if ok && (record.Lifecycle.Due().IsZero() || duePath(cmk.scope, record.Lifecycle.Due(), cmk.name) != at.path) {
		k.problem("record %q: its CMK does not change at %s", at.path, when)
	}
}

// index compares what was gathered on the walk with what is written down.
func (k *checker) index() error {
	if !k.indexed {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(k.states)) {
		if n := k.states[path]; n.told != n.are {
			k.problem("record %q: it counts %d CMKs, and there are %d", path, n.told, n.are)
		}
	}
	for _, records := range slices.Sorted(maps.Keys(k.lists)) {
		problems, err := list.Of(records).Verify(k.reader)
		if err != nil {
			return err
		}
		for _, p := range problems {
			k.problem("%s", p)
		}
	}
	return nil
}
