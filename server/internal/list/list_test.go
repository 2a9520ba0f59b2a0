package list_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

func open(t testing.TB) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "kms.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

const prefix = "r/"

func add(t require.TestingT, w store.Writer, name string) {
	require.NoError(t, w.Put(prefix+name, []byte("of "+name)))
	require.NoError(t, list.Of(prefix).Add(w, name))
}

func remove(t require.TestingT, w store.Writer, name string) {
	require.NoError(t, w.Delete(prefix+name))
	require.NoError(t, list.Of(prefix).Remove(w, name))
}

// page reads up to 10 names after the first skip.
func page(t require.TestingT, r store.Reader, skip int) (names []string) {
	require.NoError(t, list.Of(prefix).Walk(r, skip, func(name string, value []byte) (bool, error) {
		require.Equal(t, "of "+name, string(value))
		names = append(names, name)
		return len(names) < 10, nil
	}))
	return names
}

// agree compares the list with names, which are sorted.
func agree(t require.TestingT, r store.Reader, names []string) {
	n, err := list.Of(prefix).Len(r)
	require.NoError(t, err)
	require.Equal(t, len(names), n)
	problems, err := list.Of(prefix).Verify(r)
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, skip := range []int{0, 1, len(names) / 3, len(names) / 2, max(len(names)-3, 0), len(names), len(names) + 1} {
		from := min(skip, len(names))
		want := names[from:min(from+10, len(names))]
		require.Equal(t, append([]string(nil), want...), page(t, r, skip), "after the first %d of %d", skip, len(names))
	}
}

func TestAListBehavesLikeASortedSlice(t *testing.T) {
	s := open(t)
	rapid.Check(t, func(t *rapid.T) {
		err := s.Update(t.Context(), func(w store.Writer) error {
			require.NoError(t, w.Put("q/neighbour", nil))
			require.NoError(t, w.Put("s/neighbour", nil))
			var names []string
			for range rapid.IntRange(1, 5).Draw(t, "rounds") {
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0: // names in order, as from a clock or a counter
					from := rapid.IntRange(0, 5000).Draw(t, "from")
					for i := range rapid.IntRange(1, 1800).Draw(t, "n") {
						names = insert(t, w, names, fmt.Sprintf("%06d", from+i))
					}
				case 1: // names in random order
					seed := rapid.Uint32().Draw(t, "seed")
					for i := range rapid.IntRange(1, 700).Draw(t, "n") {
						names = insert(t, w, names, fmt.Sprintf("%08x", (seed+uint32(i))*2654435761))
					}
				case 2: // some neighbours are removed
					from := rapid.IntRange(0, len(names)).Draw(t, "first")
					to := rapid.IntRange(from, len(names)).Draw(t, "end")
					for _, name := range names[from:to] {
						remove(t, w, name)
					}
					names = slices.Delete(names, from, to)
				case 3: // one is removed, and added again
					if len(names) > 0 {
						name := names[rapid.IntRange(0, len(names)-1).Draw(t, "one")]
						remove(t, w, name)
						add(t, w, name)
					}
				}
				agree(t, w, names)
			}
			require.NoError(t, removeAll(w))
			require.NoError(t, list.Of(prefix).Build(w))
			agree(t, w, names)
			return errUndo
		})
		require.ErrorIs(t, err, errUndo)
	})
}

var errUndo = fmt.Errorf("undo it")

func insert(t require.TestingT, w store.Writer, names []string, name string) []string {
	at, exists := slices.BinarySearch(names, name)
	if exists {
		return names
	}
	add(t, w, name)
	return slices.Insert(names, at, name)
}

// removeAll removes the counts but not the records.
func removeAll(w store.Writer) error {
	return w.Scan(list.Prefix, "", func(key string, _ []byte) (bool, error) { return true, w.Delete(key) })
}

func TestAnEmptyListLeavesNothingBehind(t *testing.T) {
	s := open(t)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range 2000 {
			add(t, w, fmt.Sprintf("%04d", i))
		}
		return nil
	}))
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range 2000 {
			remove(t, w, fmt.Sprintf("%04d", i))
		}
		return w.Scan("", "", func(key string, _ []byte) (bool, error) { return false, fmt.Errorf("%s is still there", key) })
	}))
}

func TestVerifyFindsWrongCounts(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(w store.Writer) error
		want   string
	}{
		{"an uncounted record", putRecord("x"), "it counts 2000 records, and there are 2001"},
		{"a missing record", func(w store.Writer) error { return w.Delete(prefix + "0700") }, "there are 1999"},
		{"a wrong count", putFirst("7 2000"), "it counts 7 records"},
		{"a wrong total", putFirst("512 7"), "the list r/: it counts 7 records"},
		{"a count that is not a number", putFirst("many"), "it is not a count"},
		{"no counts", removeAll, "it counts 0 records, and there are 2000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.ErrorIs(t, open(t).Update(t.Context(), func(w store.Writer) error {
				for i := range 2000 {
					add(t, w, fmt.Sprintf("%04d", i))
				}
				require.NoError(t, tc.damage(w))
				problems, err := list.Of(prefix).Verify(w)
				require.NoError(t, err)
				require.Contains(t, fmt.Sprint(problems), tc.want)
				return errUndo
			}), errUndo)
		})
	}
}

// putRecord stores a record without counting it.
func putRecord(name string) func(store.Writer) error {
	return func(w store.Writer) error { return w.Put(prefix+name, nil) }
}

// putFirst replaces the first entry.
func putFirst(entry string) func(store.Writer) error {
	return func(w store.Writer) error { return w.Put(list.Prefix+prefix, []byte(entry)) }
}

func TestWrongCountsAreNotMadeWorse(t *testing.T) {
	s := open(t)
	err := s.Update(t.Context(), func(w store.Writer) error { return list.Of(prefix).Remove(w, "x") })
	require.ErrorContains(t, err, "fewer records")
	require.ErrorContains(t, s.Update(t.Context(), func(w store.Writer) error {
		for range 1200 {
			if err := list.Of(prefix).Add(w, "x"); err != nil {
				return err
			}
		}
		return nil
	}), "more records")
	require.ErrorContains(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Put(list.Prefix+prefix, []byte("-1 x")))
		_, err := list.Of(prefix).Len(w)
		return err
	}), "not a count")
}
