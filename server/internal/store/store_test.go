package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func open(t testing.TB, path string, o store.Options) *store.Bolt {
	t.Helper()
	s, err := store.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "kms.db") }

func put(t testing.TB, s store.Store, key, value string) error {
	t.Helper()
	return s.Update(t.Context(), func(w store.Writer) error { return w.Put(key, []byte(value)) })
}

// contents reads the whole store.
func contents(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(key string, value []byte) (bool, error) {
			all[key] = string(value)
			return true, nil
		})
	}))
	return all
}

func TestWritesAreReadAgain(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	require.NoError(t, put(t, s, "a", "1"))
	require.NoError(t, put(t, s, "a", "2"))
	require.NoError(t, put(t, s, "empty", ""))
	require.Equal(t, map[string]string{"a": "2", "empty": ""}, contents(t, s))

	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Delete("a"))
		_, err := w.Get("a")
		require.ErrorIs(t, err, store.ErrNotFound, "a writer sees its own writes")
		return w.Delete("never there")
	}))
	require.Equal(t, map[string]string{"empty": ""}, contents(t, s))
}

func TestBadKeysAreRefused(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	require.Error(t, put(t, s, "", "x"))
	require.Error(t, put(t, s, strings.Repeat("k", 32769), "x"))
	require.NoError(t, put(t, s, strings.Repeat("k", 32768), "x"))
}

func TestScan(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	for _, key := range []string{"a", "b/", "b/1", "b/2", "b/3", "b/\xff", "c"} {
		require.NoError(t, put(t, s, key, "x"))
	}
	for name, test := range map[string]struct {
		prefix, after string
		want          []string
	}{
		"everything":                          {"", "", []string{"a", "b/", "b/1", "b/2", "b/3", "b/\xff", "c"}},
		"a prefix":                            {"b/", "", []string{"b/", "b/1", "b/2", "b/3", "b/\xff"}},
		"after a key":                         {"b/", "b/1", []string{"b/2", "b/3", "b/\xff"}},
		"after a key that is not there":       {"b/", "b/11", []string{"b/2", "b/3", "b/\xff"}},
		"after the last key":                  {"b/", "b/\xff", nil},
		"after a key before the prefix":       {"b/", "a", []string{"b/", "b/1", "b/2", "b/3", "b/\xff"}},
		"after a key behind the prefix":       {"b/", "c", nil},
		"a prefix that is a key":              {"b/1", "", []string{"b/1"}},
		"a prefix that is a key and is after": {"b/1", "b/1", nil},
		"no such prefix":                      {"x", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
				return r.Scan(test.prefix, test.after, func(key string, value []byte) (bool, error) {
					require.Equal(t, "x", string(value))
					got = append(got, key)
					return true, nil
				})
			}))
			require.Equal(t, test.want, got)
		})
	}
}

func TestScanStopsWhenTold(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	require.NoError(t, put(t, s, "a", "1"))
	require.NoError(t, put(t, s, "b", "2"))
	oops := errors.New("oops")
	visits := 0
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(string, []byte) (bool, error) { visits++; return false, nil })
	}))
	require.Equal(t, 1, visits)
	require.ErrorIs(t, s.View(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(string, []byte) (bool, error) { visits++; return true, oops })
	}), oops)
	require.Equal(t, 2, visits)
}

func TestScanGoesOnWhileItsVisitorWrites(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	var seen []string
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range 2000 {
			require.NoError(t, w.Put(fmt.Sprintf("k/%04d", i), []byte("old")))
		}
		return w.Scan("k/", "", func(key string, _ []byte) (bool, error) {
			seen = append(seen, key)
			if key == "k/1000" {
				require.NoError(t, w.Put("k/1000 and a half", nil))
				require.NoError(t, w.Put("a", nil))
			}
			return true, w.Delete(key)
		})
	}))
	require.Len(t, seen, 2001, "with the key that was added further on")
	require.True(t, slices.IsSorted(seen))
	require.Equal(t, map[string]string{"a": ""}, contents(t, s))
}

func TestWhatIsReadIsACopy(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	given := []byte("value")
	// So many that bbolt maps them from the file: writing to that memory would be a crash.
	for i := range 20 {
		require.NoError(t, put(t, s, fmt.Sprint("a", i), strings.Repeat("x", 1000)))
	}
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Put("k", given))
		given[0] = 'X'
		return nil
	}))
	var got, scanned []byte
	require.NoError(t, s.View(t.Context(), func(r store.Reader) (err error) {
		if got, err = r.Get("k"); err != nil {
			return err
		}
		return r.Scan("k", "", func(_ string, value []byte) (bool, error) { scanned = value; return true, nil })
	}))
	require.Equal(t, "value", string(got))
	got[0], scanned[0] = 'Y', 'Z'
	require.Equal(t, "value", contents(t, s)["k"])
}

func TestATransactionCannotBeUsedAfterItsEnd(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	var r store.Reader
	var w store.Writer
	require.NoError(t, s.View(t.Context(), func(reader store.Reader) error { r = reader; return nil }))
	require.NoError(t, s.Update(t.Context(), func(writer store.Writer) error { w = writer; return nil }))
	for _, reader := range []store.Reader{r, w} {
		_, err := reader.Get("k")
		require.ErrorIs(t, err, store.ErrEnded)
		require.ErrorIs(t, reader.Scan("", "", nil), store.ErrEnded)
	}
	require.ErrorIs(t, w.Put("k", nil), store.ErrEnded)
	require.ErrorIs(t, w.Delete("k"), store.ErrEnded)
}

func TestTheFileIsPrivate(t *testing.T) {
	path := newPath(t)
	s := open(t, path, store.Options{})
	requireMode(t, path, 0o600)
	require.NoError(t, s.Close())

	require.NoError(t, os.Chmod(path, 0o644))
	open(t, path, store.Options{})
	requireMode(t, path, 0o600)
}

func requireMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm())
}

func TestASecondOpenerIsToldThatTheStoreIsLocked(t *testing.T) {
	path := newPath(t)
	open(t, path, store.Options{})
	_, err := store.Open(path, store.Options{})
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, path)
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	_, err := store.Open(filepath.Join(dir, "missing", "kms.db"), store.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(dir, "missing"))

	_, err = store.Open(dir, store.Options{})
	require.Error(t, err)

	garbage := filepath.Join(dir, "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("not a store ", 5000)), 0o600))
	_, err = store.Open(garbage, store.Options{})
	require.ErrorContains(t, err, garbage)
	kept, err := os.ReadFile(garbage)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("not a store ", 5000), string(kept), "it is not overwritten")
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	path := newPath(t)
	s := open(t, path, store.Options{})
	for i := range 50 {
		require.NoError(t, put(t, s, fmt.Sprintf("k%02d", i), strings.Repeat("v", i)))
	}
	before := contents(t, s)
	require.NoError(t, s.Close())
	require.Equal(t, before, contents(t, open(t, path, store.Options{})))
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second Close does nothing")
	require.ErrorIs(t, put(t, s, "k", "v"), store.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), func(store.Reader) error { return nil }), store.ErrClosed)
}

func TestTheStoreBehavesLikeAMap(t *testing.T) {
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		path := filepath.Join(dir, fmt.Sprint(round))
		s, err := store.Open(path, store.Options{})
		require.NoError(rt, err)
		defer func() { require.NoError(rt, s.Close()) }()
		model := map[string]string{}
		key := rapid.StringMatching(`[ab]{1,3}`)
		rt.Repeat(map[string]func(*rapid.T){
			"update": func(rt *rapid.T) { modelUpdate(rt, s, model, key) },
			"scan": func(rt *rapid.T) {
				prefix, after := rapid.StringMatching(`[ab]{0,2}`).Draw(rt, "prefix"), rapid.StringMatching(`[ab]{0,3}`).Draw(rt, "after")
				var want, got []string
				for k := range model {
					if strings.HasPrefix(k, prefix) && (after == "" || k > after) {
						want = append(want, k)
					}
				}
				slices.Sort(want)
				require.NoError(rt, s.View(t.Context(), func(r store.Reader) error {
					return r.Scan(prefix, after, func(k string, v []byte) (bool, error) {
						require.Equal(rt, model[k], string(v))
						got = append(got, k)
						return true, nil
					})
				}))
				require.Equal(rt, want, got)
			},
			"reopen": func(rt *rapid.T) {
				require.NoError(rt, s.Close())
				s, err = store.Open(path, store.Options{})
				require.NoError(rt, err)
			},
			"": func(rt *rapid.T) { require.Equal(rt, model, contents(t, s)) },
		})
	})
}

// modelUpdate does some writes in one update, which sometimes fails, to the store and to its model.
func modelUpdate(rt *rapid.T, s store.Store, model map[string]string, key *rapid.Generator[string]) {
	oops := errors.New("oops")
	staged := map[string]string{}
	for k, v := range model {
		staged[k] = v
	}
	steps := rapid.IntRange(0, 5).Draw(rt, "steps")
	fails := rapid.Bool().Draw(rt, "fails")
	err := s.Update(rt.Context(), func(w store.Writer) error {
		for range steps {
			k := key.Draw(rt, "key")
			if rapid.Bool().Draw(rt, "delete") {
				require.NoError(rt, w.Delete(k))
				delete(staged, k)
			} else {
				v := rapid.StringN(0, 4, -1).Draw(rt, "value")
				require.NoError(rt, w.Put(k, []byte(v)))
				staged[k] = v
			}
		}
		if fails {
			return oops
		}
		return nil
	})
	if fails {
		require.ErrorIs(rt, err, oops)
		return
	}
	require.NoError(rt, err)
	clear(model)
	for k, v := range staged {
		model[k] = v
	}
}
