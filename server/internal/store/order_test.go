package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func TestKeysAreFoundByTheirNumberAndBackwards(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	for _, key := range []string{"a", "b/1", "b/2", "b/3", "c"} {
		require.NoError(t, put(t, s, key, "of "+key))
	}
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
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
			require.Equal(t, tc.want == "", err != nil, "%+v", tc)
		}
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

// An update that deletes much empties pages, which stay in the tree until its commit.
func TestKeysAreFoundBackwardsOverWhatTheUpdateHasDeleted(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	keys := make([]string, 2000)
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		for i := range keys {
			keys[i] = fmt.Sprintf("k/%06d", i)
			require.NoError(t, w.Put(keys[i], []byte(strings.Repeat("x", 100))))
		}
		return nil
	}))
	rapid.Check(t, func(t *rapid.T) {
		err := s.Update(t.Context(), func(w store.Writer) error {
			left := slices.Clone(keys)
			for range rapid.IntRange(1, 4).Draw(t, "deletions") {
				from := rapid.IntRange(0, len(left)).Draw(t, "from")
				to := rapid.IntRange(from, len(left)).Draw(t, "to")
				for _, key := range left[from:to] {
					require.NoError(t, w.Delete(key))
				}
				left = slices.Delete(left, from, to)
			}
			for range 20 {
				limit := keys[rapid.IntRange(0, len(keys)-1).Draw(t, "limit")]
				at, _ := slices.BinarySearch(left, limit)
				got, _, err := w.Before("k/", limit)
				if at == 0 {
					require.ErrorIs(t, err, store.ErrNotFound)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, left[at-1], got)
			}
			return errUndo
		})
		require.ErrorIs(t, err, errUndo)
	})
}

var errUndo = fmt.Errorf("undo it")
