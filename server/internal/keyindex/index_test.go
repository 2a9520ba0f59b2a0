package keyindex_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// model has the keys that an index should have, and finds them by a scan.
type model struct {
	index *keyindex.Index
	keys  map[string]keyindex.Key
	now   time.Time
}

// TestAnIndexFindsWhatAScanFinds compares an index with a scan of all keys through the same random changes. There are
// enough keys for sets of several chunks: see manyKeys.
func TestAnIndexFindsWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{index: keyindex.New(), keys: map[string]keyindex.Key{}, now: start}
		m.load(rt)
		rt.Repeat(rapid.StateMachineActions(m))
	})
}

// load fills the index with keys from before some of the changes that it has gathered, and after the others.
func (m *model) load(t *rapid.T) {
	for n := range rapid.IntRange(0, 2500).Draw(t, "keys") {
		m.keys[id(n)] = plainKey(n)
	}
	early, late := slices.Collect(maps.Values(m.keys)), rapid.Bool().Draw(t, "late")
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		m.Put(t)
		m.Remove(t)
	}
	if late {
		early = slices.Collect(maps.Values(m.keys))
	}
	require.NoError(t, m.index.Load(func(l keyindex.Loader) error {
		addAll(l, early)
		return nil
	}))
}

// addAll adds keys, some of them in two steps.
func addAll(l keyindex.Loader, keys []keyindex.Key) {
	for i, k := range keys {
		tags := k.Tags
		if i%2 == 0 {
			k.Tags = nil
		}
		l.Add(k)
		l.AddTags(k.ID, tags)
	}
}

func id(n int) string { return fmt.Sprintf("id-%04d", n*37%5000) }

var (
	states = []string{"Enabled", "Disabled", "PendingDeletion"}
	specs  = []string{"AES", "RSA"}
	values = []string{"", "0", "1", "2", "hr", "3", "4"}
)

func plainKey(n int) keyindex.Key {
	return keyindex.Key{
		ID: id(n), Class: keyindex.Class{State: states[n%3], Spec: specs[n%7/6]},
		Tags: map[string]string{"team": values[n%4], "hr": values[n%3]},
	}
}

func drawID(t *rapid.T) string { return id(rapid.IntRange(0, 2600).Draw(t, "id")) }

func drawClass(t *rapid.T) keyindex.Class {
	return keyindex.Class{
		State: rapid.SampledFrom(states).Draw(t, "state"), Spec: rapid.SampledFrom(specs).Draw(t, "spec"),
	}
}

func (m *model) Put(t *rapid.T) {
	k := keyindex.Key{
		ID: drawID(t), Class: drawClass(t),
		Tags: rapid.MapOfN(rapid.SampledFrom([]string{"team", "hr", "env"}), rapid.SampledFrom(values), 0, 3).Draw(t, "tags"),
	}
	at := m.now
	for range rapid.IntRange(0, 2).Draw(t, "changes to come") {
		at = at.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
		k.Changes = append(k.Changes, keyindex.Change{At: at, Class: drawClass(t)})
	}
	if n := len(k.Changes); n > 0 {
		k.Changes[n-1].Gone = rapid.Bool().Draw(t, "gone")
	}
	m.keys[k.ID] = k
	m.index.Put(k)
}

func (m *model) Remove(t *rapid.T) {
	gone := drawID(t)
	delete(m.keys, gone)
	m.index.Remove(gone)
}

func (m *model) Wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
}

// classAt returns the class of a key at now, or false if the key is gone.
func classAt(k keyindex.Key, now time.Time) (keyindex.Class, bool) {
	class := k.Class
	for _, change := range k.Changes {
		if now.Before(change.At) {
			break
		}
		if class = change.Class; change.Gone {
			return class, false
		}
	}
	return class, true
}

// scan returns the ids of the keys that pass a filter.
func (m *model) scan(f keyindex.Filter) (ids []string) {
	for _, k := range m.keys {
		class, exists := classAt(k, m.now)
		keys, values := slices.Collect(maps.Keys(k.Tags)), slices.Collect(maps.Values(k.Tags))
		if exists && (f.Accepts == nil || f.Accepts(class)) && meet(f.TagKeys, keys) && meet(f.TagValues, values) {
			ids = append(ids, k.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func meet(wanted, have []string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(s string) bool { return slices.Contains(have, s) })
}

// List compares a page of the index with the scan.
func (m *model) List(t *rapid.T) {
	some := func(of []string, name string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(append([]string{"none"}, of...)), 0, 3).Draw(t, name)
	}
	f := keyindex.Filter{TagKeys: some([]string{"team", "hr", "env"}, "tag keys"), TagValues: some(values, "tag values")}
	if rapid.Bool().Draw(t, "by class") {
		ofStates, ofSpecs := some(states, "states"), some(specs, "specs")
		f.Accepts = func(c keyindex.Class) bool {
			return meet(ofStates, []string{c.State}) && meet(ofSpecs, []string{c.Spec})
		}
	}
	size := rapid.IntRange(1, 101).Draw(t, "size")
	want := m.scan(f)
	number := rapid.IntRange(1, len(want)/size+2).Draw(t, "number")
	got, total := m.index.Page(m.now, f, number, size)
	require.Equal(t, len(want), total)
	first := min((number-1)*size, len(want))
	require.Equal(t, append([]string{}, want[first:min(first+size, len(want))]...), got)
}

// Check implements [rapid.StateMachine].
func (m *model) Check(*rapid.T) {}

func TestAPageBeyondAllNumbersIsEmpty(t *testing.T) {
	x := keyindex.New()
	require.NoError(t, x.Load(func(l keyindex.Loader) error {
		addAll(l, []keyindex.Key{plainKey(1)})
		return nil
	}))
	ids, total := x.Page(start, keyindex.Filter{}, 1<<62, 100)
	require.Equal(t, []string{}, ids)
	require.Equal(t, 1, total)
}
