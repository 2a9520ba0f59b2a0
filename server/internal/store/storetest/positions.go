package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// positions is about finding keys by number, and backwards.
var positions = []promise{
	{"keys are found by their number", keysAreFoundByNumber},
	{"keys are found backwards", keysAreFoundBackwards},
	{"keys are found backwards over what the update has deleted", keysAreFoundBackwardsOverDeleted},
}

// someKeys opens a store with five keys, three of which begin with "b/".
func (e Engine) someKeys(t *testing.T) store.Store {
	s := e.opened(t)
	for _, key := range []string{"a", "b/1", "b/2", "b/3", "c"} {
		require.NoError(t, put(t, s, key, "of "+key))
	}
	return s
}

func keysAreFoundByNumber(t *testing.T, e Engine) {
	require.NoError(t, e.someKeys(t).View(t.Context(), func(r store.Reader) error {
		for _, tc := range []struct {
			prefix, after string
			n             int
			want          string
		}{
			{"", "", 1, "a"},
			{"", "", 5, "c"},
			{"", "", 6, ""},
			{"b/", "", 1, "b/1"},
			{"b/", "", 3, "b/3"},
			{"b/", "", 4, ""},
			{"b/", "b/1", 1, "b/2"},
			{"b/", "b/11", 2, "b/3"},
			{"b/", "b/3", 1, ""},
			{"b/", "", 0, ""},
			{"x", "", 1, ""},
		} {
			got, err := r.Nth(tc.prefix, tc.after, tc.n)
			require.Equal(t, tc.want, got, "%+v", tc)
			if tc.want == "" {
				require.ErrorIs(t, err, store.ErrNotFound, "%+v", tc)
				continue
			}
			require.NoError(t, err)
		}
		return nil
	}))
}

func keysAreFoundBackwards(t *testing.T, e Engine) {
	require.NoError(t, e.someKeys(t).View(t.Context(), func(r store.Reader) error {
		for _, tc := range []struct{ prefix, limit, want string }{
			{"b/", "b/3", "b/2"},
			{"b/", "b/33", "b/3"},
			{"b/", "b/1", ""},
			{"", "zz", "c"},
			{"", "a", ""},
			{"d", "dd", ""},
		} {
			got, value, err := r.Before(tc.prefix, tc.limit)
			require.Equal(t, tc.want, got, "%+v", tc)
			if tc.want == "" {
				require.ErrorIs(t, err, store.ErrNotFound)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, "of "+tc.want, string(value))
		}
		return nil
	}))
}

// An update that deletes much may leave holes in the engine's tree until its commit.
func keysAreFoundBackwardsOverDeleted(t *testing.T, e Engine) {
	s := e.opened(t)
	keys := make([]string, 2000)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range keys {
			keys[i] = fmt.Sprintf("k/%06d", i)
			require.NoError(t, w.Put(keys[i], []byte(strings.Repeat("x", 100))))
		}
		return nil
	}))
	rapid.Check(t, func(t *rapid.T) {
		left := slices.Clone(keys)
		var deleted []string
		for range rapid.IntRange(1, 4).Draw(t, "deletions") {
			from := rapid.IntRange(0, len(left)).Draw(t, "from")
			to := rapid.IntRange(from, len(left)).Draw(t, "to")
			deleted = append(deleted, left[from:to]...)
			left = slices.Delete(left, from, to)
		}
		limits := rapid.SliceOfN(rapid.SampledFrom(keys), 20, 20).Draw(t, "limits")
		err := s.Update(t.Context(), func(w store.Writer) error {
			for _, key := range deleted {
				require.NoError(t, w.Delete(key))
			}
			for _, limit := range limits {
				requireBefore(t, w, left, limit)
			}
			return errUndo
		})
		require.Equal(t, errUndo, err)
	})
}

// requireBefore requires that r finds the last of the sorted keys that is before limit.
func requireBefore(t *rapid.T, r store.Reader, keys []string, limit string) {
	got, _, err := r.Before("k/", limit)
	at, _ := slices.BinarySearch(keys, limit)
	if at == 0 {
		require.ErrorIs(t, err, store.ErrNotFound)
		return
	}
	require.NoError(t, err)
	require.Equal(t, keys[at-1], got)
}
