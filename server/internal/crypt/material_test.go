package crypt

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestMaterialHasTheSizeOfItsKeySpec(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		for n := range 66 {
			m, err := MaterialFromBytes(spec, make([]byte, n))
			if n == kmsapi.MaterialSize(spec) {
				require.NoError(t, err)
				require.NotNil(t, m)
			} else {
				require.Error(t, err)
				require.Nil(t, m)
			}
		}
	})
}

func TestMaterialCopiesItsBytes(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		secret := bytes.Repeat([]byte{1}, kmsapi.MaterialSize(spec))
		a, err := MaterialFromBytes(spec, secret)
		require.NoError(t, err)
		clear(secret)
		b, err := MaterialFromBytes(spec, bytes.Repeat([]byte{1}, kmsapi.MaterialSize(spec)))
		require.NoError(t, err)
		require.True(t, a.Equal(b))
	})
}

func TestEqualMaterial(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		a, err := MaterialFromBytes(spec, bytes.Repeat([]byte{1}, kmsapi.MaterialSize(spec)))
		require.NoError(t, err)
		other := bytes.Repeat([]byte{1}, kmsapi.MaterialSize(spec))
		other[len(other)-1]++
		b, err := MaterialFromBytes(spec, other)
		require.NoError(t, err)
		require.True(t, a.Equal(a))
		require.False(t, a.Equal(b))
		require.False(t, newMaterial(t, spec).Equal(newMaterial(t, spec)))
		b.Clear()
		require.False(t, a.Equal(b))
		require.False(t, b.Equal(a))
		require.False(t, b.Equal(b))
	})
}

func TestClearErasesKeys(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m, root := newMaterial(t, spec), newRootKey(t)
		blob := seal(t, m, "x", nil)
		cipher := m.key.cipher
		m.Clear()
		m.Clear()
		require.Zero(t, *m.key.secret)
		require.Zero(t, reflect.ValueOf(cipher).Elem().Interface(), "its expanded form too")
		_, err := m.Seal(versionA, nil, nil)
		require.ErrorIs(t, err, ErrCleared)
		_, err = m.Open(blob, nil)
		require.ErrorIs(t, err, ErrCleared)
		_, err = root.Wrap("path", m)
		require.ErrorIs(t, err, ErrCleared)
		root.Clear()
		_, err = root.Wrap("path", newMaterial(t, spec))
		require.ErrorIs(t, err, ErrCleared)
		require.ErrorIs(t, root.WriteFile("unused"), ErrCleared)
	})
}

// TestClearDuringUse checks that no blob is sealed with the zeros that Clear leaves behind.
func TestClearDuringUse(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		secret := bytes.Repeat([]byte{7}, kmsapi.MaterialSize(spec))
		for range 50 {
			m, err := MaterialFromBytes(spec, secret)
			require.NoError(t, err)
			same, err := MaterialFromBytes(spec, secret)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					blob, err := m.Seal(versionA, []byte("x"), nil)
					if err != nil {
						if err != ErrCleared {
							t.Error(err)
						}
						return
					}
					if _, err := same.Open(blob, nil); err != nil {
						t.Error("sealed with another key")
					}
				})
			}
			wg.Go(m.Clear)
			wg.Wait()
		}
	})
}

func TestKeysDoNotPrint(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		secret := []byte("0123456789abcdefghijklmnopqrstuv")[:kmsapi.MaterialSize(spec)]
		m, err := MaterialFromBytes(spec, secret)
		require.NoError(t, err)
		root, fingerprints := &RootKey{key: m.key}, &FingerprintKey{key: m.key}
		type holder struct {
			M       *Material
			V       Material
			R       *RootKey
			private *Material
			value   Material
		}
		held := holder{m, *m, root, m, *m}
		for _, value := range []any{
			m, *m, root, *root, fingerprints, *fingerprints, held, &held, []*Material{m}, map[string]Material{"m": *m},
		} {
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
			slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value)
			asJSON, err := json.Marshal(value)
			require.NoError(t, err)
			asXML, _ := xml.Marshal(value)
			printed := log.String() + string(asJSON) + string(asXML)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
				printed += "\n" + fmt.Sprintf(verb, value)
			}
			require.Contains(t, printed, "[redacted]")
			for _, form := range []string{
				string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret),
				"48 49 50 51", "0x30, 0x31, 0x32", "48,49,50,51",
			} {
				require.NotContains(t, printed, form)
			}
		}
	})
}
