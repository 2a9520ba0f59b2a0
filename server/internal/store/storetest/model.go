package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// modelled is a store and a map that must always be equal to it.
type modelled struct {
	store.Store
	model map[string]string
}

var modelKeys = rapid.StringMatching(`[ab]{1,3}`)

func behavesLikeAMap(t *testing.T, e Engine) {
	rapid.Check(t, func(rt *rapid.T) {
		folder := t.TempDir()
		s, err := e.Open(folder, store.Options{})
		require.NoError(rt, err)
		m := &modelled{s, map[string]string{}}
		defer func() { require.NoError(rt, m.Close()) }()
		rt.Repeat(map[string]func(*rapid.T){
			"update": m.update,
			"scan":   m.scan,
			"reopen": func(rt *rapid.T) {
				require.NoError(rt, m.Close())
				m.Store, err = e.Open(folder, store.Options{})
				require.NoError(rt, err)
			},
			"": func(rt *rapid.T) { require.Equal(rt, m.model, contents(t, m)) },
		})
	})
}

// write is a Put, or a Delete if value is nil.
type write struct {
	key   string
	value *string
}

var writes = rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) write {
	w := write{key: modelKeys.Draw(rt, "key")}
	if !rapid.Bool().Draw(rt, "delete") {
		w.value = new(rapid.StringN(0, 4, -1).Draw(rt, "value"))
	}
	return w
}), 0, 5)

func (w write) to(s store.Writer) error {
	if w.value == nil {
		return s.Delete(w.key)
	}
	return s.Put(w.key, []byte(*w.value))
}

// update makes some writes in one update, which sometimes fails.
func (m *modelled) update(rt *rapid.T) {
	steps, fails := writes.Draw(rt, "writes"), rapid.Bool().Draw(rt, "fails")
	err := m.Update(rt.Context(), func(w store.Writer) error {
		for _, step := range steps {
			if err := step.to(w); err != nil {
				return err
			}
		}
		if fails {
			return errUndo
		}
		return nil
	})
	if fails {
		require.Equal(rt, errUndo, err)
		return
	}
	require.NoError(rt, err)
	for _, step := range steps {
		if step.value == nil {
			delete(m.model, step.key)
		} else {
			m.model[step.key] = *step.value
		}
	}
}

// scan reads a range.
func (m *modelled) scan(rt *rapid.T) {
	prefix := rapid.StringMatching(`[ab]{0,2}`).Draw(rt, "prefix")
	after := rapid.StringMatching(`[ab]{0,3}`).Draw(rt, "after")
	var want, got []string
	for _, key := range slices.Sorted(maps.Keys(m.model)) {
		if strings.HasPrefix(key, prefix) && (after == "" || key > after) {
			want = append(want, key)
		}
	}
	require.NoError(rt, m.View(rt.Context(), func(r store.Reader) error {
		return r.Scan(prefix, after, func(key string, value []byte) (bool, error) {
			require.Equal(rt, m.model[key], string(value))
			got = append(got, key)
			return true, nil
		})
	}))
	require.Equal(rt, want, got)
}
