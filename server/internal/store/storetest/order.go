package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// order is about keys and values, and the order in which they are read.
var order = []promise{
	{"writes are read again", writesAreReadAgain},
	{"keys and values of every length are stored", lengths},
	{"a scan has bounds", scanHasBounds},
	{"a scan ends early", scanEndsEarly},
	{"a scan goes on while its visitor writes", scanGoesOnWhileItsVisitorWrites},
	{"what is read is a copy", whatIsReadIsACopy},
	{"a transaction is not usable after its end", transactionEnds},
	{"the store behaves like a map", behavesLikeAMap},
}

func writesAreReadAgain(t *testing.T, e Engine) {
	s := e.opened(t)
	require.NoError(t, put(t, s, "a", "1"))
	require.NoError(t, put(t, s, "a", "2"))
	require.NoError(t, put(t, s, "empty", ""))
	require.Equal(t, map[string]string{"a": "2", "empty": ""}, contents(t, s))

	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Delete("a"))
		_, err := w.Get("a")
		require.ErrorIs(t, err, store.ErrNotFound, "a writer sees its own writes")
		require.NoError(t, w.Put("nil", nil))
		value, err := w.Get("nil")
		require.NoError(t, err)
		require.Empty(t, value)
		return w.Delete("never existed")
	}))
	require.Equal(t, map[string]string{"empty": "", "nil": ""}, contents(t, s))
}

func lengths(t *testing.T, e Engine) {
	s := e.opened(t)
	require.Error(t, put(t, s, "", "x"))
	require.Error(t, put(t, s, strings.Repeat("k", store.MaxKey+1), "x"))
	want := map[string]string{
		"k":                               "",
		"\x00":                            "zero",
		"\xff\xff":                        "not UTF-8",
		strings.Repeat("k", store.MaxKey): "x",
		"big":                             strings.Repeat("big value", store.MaxValue)[:store.MaxValue],
	}
	for key, value := range want {
		require.NoError(t, put(t, s, key, value))
	}
	got := contents(t, s)
	require.Len(t, got, len(want))
	for key, value := range want {
		require.True(t, got[key] == value, "key of %d bytes", len(key))
	}
}

func scanHasBounds(t *testing.T, e Engine) {
	s := e.opened(t)
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
		"after a key that does not exist":     {"b/", "b/11", []string{"b/2", "b/3", "b/\xff"}},
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

func scanEndsEarly(t *testing.T, e Engine) {
	s := e.opened(t)
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

func scanGoesOnWhileItsVisitorWrites(t *testing.T, e Engine) {
	s := e.opened(t)
	var seen []string
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range 2000 {
			require.NoError(t, w.Put(fmt.Sprintf("k/%04d", i), []byte("old")))
		}
		seen = nil
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

func whatIsReadIsACopy(t *testing.T, e Engine) {
	s := e.opened(t)
	// These are enough for an engine to map them from a file: writing to that memory would crash.
	for i := range 20 {
		require.NoError(t, put(t, s, fmt.Sprint("a", i), strings.Repeat("x", 1000)))
	}
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		given := []byte("value")
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

func transactionEnds(t *testing.T, e Engine) {
	s := e.opened(t)
	var r store.Reader
	var w store.Writer
	require.NoError(t, s.View(t.Context(), func(reader store.Reader) error { r = reader; return nil }))
	require.NoError(t, s.Update(t.Context(), func(writer store.Writer) error { w = writer; return nil }))
	for _, reader := range []store.Reader{r, w} {
		_, err := reader.Get("k")
		require.ErrorIs(t, err, store.ErrEnded)
		require.ErrorIs(t, reader.Scan("", "", nil), store.ErrEnded)
		_, err = reader.Nth("", "", 1)
		require.ErrorIs(t, err, store.ErrEnded)
		_, _, err = reader.Before("", "k")
		require.ErrorIs(t, err, store.ErrEnded)
	}
	require.ErrorIs(t, w.Put("k", nil), store.ErrEnded)
	require.ErrorIs(t, w.Delete("k"), store.ErrEnded)
}
