package keyring

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// countingReader counts the records that are read.
type countingReader struct {
	store.Reader
	reads int
}

func (c *countingReader) Get(key string) ([]byte, error) {
	c.reads++
	return c.Reader.Get(key)
}

func (c *countingReader) Scan(prefix, after string, visit func(string, []byte) (bool, error)) error {
	return c.Reader.Scan(prefix, after, func(key string, value []byte) (bool, error) {
		c.reads++
		return visit(key, value)
	})
}

// page returns the ids on a page of versions, the total, and how many records were read.
func (r *rig) page(keyID string, number, size int) (ids []string, total, reads int) {
	r.t.Helper()
	r.view(func(reader Reader) error {
		cmk, err := reader.stored(keyID)
		require.NoError(r.t, err)
		counting := &countingReader{Reader: reader.store}
		reader.store = counting
		page, err := reader.Versions(cmk, number, size)
		require.NotNil(r.t, page.Items)
		for _, version := range page.Items {
			ids = append(ids, version.ID)
		}
		total, reads = page.Total, counting.reads
		return err
	})
	return ids, total, reads
}

// addVersions gives a CMK n versions in one transaction. Their material can't be opened.
func (r *rig) addVersions(keyID string, n int) {
	r.t.Helper()
	r.update(func(w Writer) error {
		cmk, err := w.stored(keyID)
		require.NoError(r.t, err)
		for range n {
			version := Version{ID: crypt.NewVersionID(keyID), CreationDate: testTime, Wrapped: make([]byte, 100)}
			require.NoError(r.t, w.AddVersion(cmk, version))
		}
		return nil
	})
}

func TestAPageOfVersionsReadsNoOtherVersions(t *testing.T) {
	r := newRig(t)
	keyID, _ := r.create(1, 0)
	const many = 1000
	r.addVersions(keyID, many-1)
	for _, number := range []int{1, 2, 50, 100} {
		ids, total, reads := r.page(keyID, number, 10)
		require.Len(t, ids, 10)
		require.Equal(t, many, total)
		require.LessOrEqual(t, reads, 20, "page %d: a number and a version for each", number)
	}
	for _, number := range []int{101, math.MaxInt/10 + 2, math.MaxInt} {
		ids, total, reads := r.page(keyID, number, 10)
		require.Empty(t, ids)
		require.Equal(t, many, total)
		require.Zero(t, reads)
	}
	ids, _, _ := r.page(keyID, 10, 101)
	require.Len(t, ids, 91, "the last page is short")
}

// BenchmarkPageOfVersions reads the first page, and the last.
func BenchmarkPageOfVersions(b *testing.B) {
	for _, versions := range []int{20, 10_000} {
		b.Run(fmt.Sprintf("versions=%d", versions), func(b *testing.B) {
			r := newRig(b)
			keyID, _ := r.create(1, 0)
			r.addVersions(keyID, versions-1)
			for b.Loop() {
				r.page(keyID, 1, 10)
				r.page(keyID, versions/10, 10)
			}
		})
	}
}

func TestPagesOfVersionsHaveAllInTheOrderOfMaking(t *testing.T) {
	r := newRig(t)
	keyID, made := r.create(13, 0) // All were made in one second.
	slices.Reverse(made)
	for _, size := range []int{1, 2, 5, 12, 13, 14, 100} {
		var listed []string
		for number := 1; ; number++ {
			ids, total, _ := r.page(keyID, number, size)
			require.Equal(t, len(made), total)
			if len(ids) == 0 {
				break
			}
			listed = append(listed, ids...)
		}
		require.Equal(t, made, listed, "pages of %d", size)
	}
}

func TestVersionsOfAnOldStoreAreNumberedInTheirOrder(t *testing.T) {
	r := newRig(t)
	var old cmk2
	r.downgraded(func(w store.Writer) (err error) {
		old, err = r.putOld(w, 12, nil, "alias/a")
		return err
	})
	var made []string
	for _, v := range old.Versions {
		made = append([]string{v.ID}, made...)
	}
	ids, total, _ := r.page(old.KeyID, 1, 100)
	require.Equal(t, 12, total)
	require.Equal(t, made, ids)
	r.update(func(w Writer) error {
		cmk, err := w.stored(old.KeyID)
		require.NoError(t, err)
		version, err := r.NewVersion(testScope, testTime, cmk)
		require.NoError(t, err)
		return w.AddVersion(cmk, version)
	})
	ids, _, _ = r.page(old.KeyID, 1, 100)
	require.Equal(t, made, ids[1:], "a new one is before them")
	require.Empty(t, r.problems())
	for _, id := range ids {
		require.NoError(t, r.material(id))
	}
}

func TestEveryDamageToTheNumbersOfVersionsIsFound(t *testing.T) {
	put := func(w store.Writer, keyID string, number int, id string) error {
		return w.Put(testScope.numberPath(keyID, number), []byte(id))
	}
	for name, tc := range map[string]struct {
		damage func(w store.Writer, keyID string, ids []string) error
		want   []string
	}{
		"a number that is gone": {func(w store.Writer, keyID string, _ []string) error {
			return w.Delete(testScope.numberPath(keyID, 0))
		}, []string{"does not lead from its number 0", "it has 2 earlier versions, and 1 of them have a number"}},
		"a number of another version": {func(w store.Writer, keyID string, ids []string) error {
			return put(w, keyID, 0, ids[1])
		}, []string{"does not lead from its number 0", "its key has no version"}},
		"a number of the primary version": {func(w store.Writer, keyID string, ids []string) error {
			return put(w, keyID, 2, ids[2])
		}, []string{"it has 2 earlier versions, and 3 of them have a number", "its key has no version"}},
		"a number of a key that is gone": {func(w store.Writer, _ string, ids []string) error {
			return put(w, "86a9efd9-3d16-4894-bd4f-1fc43f3f2abf", 0, ids[0])
		}, []string{"its key has no version"}},
		"something that is no number": {func(w store.Writer, keyID string, ids []string) error {
			return w.Put(testScope.numbersPath(keyID)+"+2", []byte(ids[0]))
		}, []string{"it has 2 earlier versions, and 3 of them have a number", "not of a kind"}},
		"a version whose number is the primary one's": {func(w store.Writer, keyID string, ids []string) error {
			path := testScope.cmkVersionPath(keyID, ids[1])
			value, err := w.Get(path)
			if err != nil {
				return err
			}
			version, err := decodeVersion(path, ids[1], value)
			if err != nil {
				return err
			}
			version.Number = 2
			return w.Put(path, encode(&version))
		}, []string{"not made before the primary", "does not lead from its number 2", "its key has no version"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			keyID, versionIDs := r.create(3, 0)
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
				return tc.damage(w, keyID, versionIDs)
			}))
			problems := r.problems()
			require.Len(t, problems, len(tc.want), fmt.Sprint(problems))
			for i, want := range tc.want {
				require.Contains(t, problems[i], want)
			}
		})
	}
}
