package crypt

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAValueOpensForItsOwnRecordAlone(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		material, err := NewMaterial(spec, nil)
		require.NoError(t, err)
		sealed, err := material.SealValue("a/secret:v1", []byte("value"))
		require.NoError(t, err)
		value, err := material.OpenValue("a/secret:v1", sealed)
		require.NoError(t, err)
		require.Equal(t, "value", string(value))

		for name, open := range map[string]func() ([]byte, error){
			"as another record": func() ([]byte, error) { return material.OpenValue("a/secret:v2", sealed) },
			"by another key": func() ([]byte, error) {
				other, err := NewMaterial(spec, nil)
				require.NoError(t, err)
				return other.OpenValue("a/secret:v1", sealed)
			},
			"cut":   func() ([]byte, error) { return material.OpenValue("a/secret:v1", sealed[:len(sealed)-1]) },
			"empty": func() ([]byte, error) { return material.OpenValue("a/secret:v1", nil) },
			"of another format": func() ([]byte, error) {
				return material.OpenValue("a/secret:v1", append([]byte{3 - sealed[0]}, sealed[1:]...))
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := open()
				require.ErrorIs(t, err, ErrOpen)
			})
		}
		for at := range sealed {
			changed := slices.Clone(sealed)
			changed[at] ^= 1
			_, err := material.OpenValue("a/secret:v1", changed)
			require.ErrorIs(t, err, ErrOpen, at)
		}
	})
}

// A user that has a copy of the store, and may decrypt with the key, must not get the value by
// Decrypt.
func TestAValueIsNoCiphertextOfDecrypt(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		material, err := NewMaterial(spec, nil)
		require.NoError(t, err)
		sealed, err := material.SealValue("path", []byte("value"))
		require.NoError(t, err)
		const version = "11111111-2222-3333-4444-555555555555"
		_, err = material.Open(append([]byte(version), sealed...), nil)
		require.ErrorIs(t, err, ErrOpen)
	})
}
