package xaes

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/coredump"
)

// exampleKey has 32 bytes that differ, so that no other data look like a part of it.
var exampleKey = func() *[KeySize]byte {
	k := new([KeySize]byte)
	for i := range k {
		k[i] = byte(0xc3 + 5*i)
	}
	return k
}()

// TestWipeReachesAllThatGoKeepsOfAKey checks what wipe relies on, so that a new release of Go can't silently break it.
// If it fails, read how crypto/aes and crypto/cipher keep a key now, and change wipe.
func TestWipeReachesAllThatGoKeepsOfAKey(t *testing.T) {
	block := newAES(exampleKey)
	gcm := NewGCM(exampleKey)
	for _, test := range []struct {
		expanded any
		name     string
	}{
		{block, "crypto/internal/fips140/aes.Block"},
		{gcm.block, "crypto/internal/fips140/aes.Block"},
		{gcm.AEAD, "crypto/internal/fips140/aes/gcm.GCM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pointer := reflect.TypeOf(test.expanded)
			require.Equal(t, reflect.Pointer, pointer.Kind())
			object := pointer.Elem()
			require.Equal(t, test.name, object.PkgPath()+"."+object.Name())
			requireSelfContained(t, object)

			memory := coredump.Memory(test.expanded)
			require.True(t, holds(memory, exampleKey[:]), "a schedule begins with the key itself")
			wipe(test.expanded)
			require.Equal(t, make([]byte, len(memory)), memory)
		})
	}
}

// requireSelfContained fails if a value of type object keeps anything behind a pointer.
func requireSelfContained(t *testing.T, object reflect.Type) {
	t.Helper()
	switch object.Kind() {
	case reflect.Struct:
		for i := range object.NumField() {
			requireSelfContained(t, object.Field(i).Type)
		}
	case reflect.Array:
		requireSelfContained(t, object.Elem())
	default:
		require.Contains(t, []reflect.Kind{reflect.Int, reflect.Uint8, reflect.Uint32, reflect.Uint64}, object.Kind())
	}
}

// holds reports whether memory holds secret, as bytes or as 32-bit words of either byte order.
func holds(memory, secret []byte) bool {
	return bytes.Contains(memory, secret) || bytes.Contains(memory, swapWords(secret))
}

func swapWords(secret []byte) []byte {
	swapped := make([]byte, len(secret))
	for i := range secret {
		swapped[i] = secret[i^3]
	}
	return swapped
}

func TestClearLeavesNothingOfTheKey(t *testing.T) {
	k := New(exampleKey)
	schedule := coredump.Memory(k.block)
	require.True(t, holds(schedule, exampleKey[:]))
	k.Clear()
	require.Equal(t, make([]byte, len(schedule)), schedule)
	require.Equal(t, Key{}, *k)
	k.Clear()
}

func TestAClearedKeyPanicsRatherThanEncryptWithZeros(t *testing.T) {
	k := New(exampleKey)
	sealed := k.Seal(nil, vectorNonce, nil, nil)
	k.Clear()
	require.Panics(t, func() { k.Seal(nil, vectorNonce, nil, nil) })
	require.Panics(t, func() { _, _ = k.Open(nil, vectorNonce, sealed, nil) })

	gcm := NewGCM(exampleKey)
	nonce := make([]byte, gcm.NonceSize())
	sealed = gcm.Seal(nil, nonce, nil, nil)
	gcm.Clear()
	require.Panics(t, func() { gcm.Seal(nil, nonce, nil, nil) })
	require.Panics(t, func() { _, _ = gcm.Open(nil, nonce, sealed, nil) })
}

func TestKeysDoNotPrint(t *testing.T) {
	k := New(exampleKey)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%z"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(format, k))
		require.Equal(t, "[redacted]", fmt.Sprintf(format, *k))
	}
}
