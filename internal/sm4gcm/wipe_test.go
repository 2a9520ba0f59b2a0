package sm4gcm

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/coredump"
)

// TestWipeReachesAllThatGmsmKeepsOfAKey checks what wipe relies on, so that a new release of gmsm can't silently break
// it. If it fails, read how gmsm keeps a key now, and change wipe.
func TestWipeReachesAllThatGmsmKeepsOfAKey(t *testing.T) {
	block := newSM4(exampleKey)
	aead := newGCM(block)
	for _, expanded := range []any{aead, block} {
		object := reflect.ValueOf(expanded).Elem()
		// On a processor without AES instructions, GCM is Go's own, which has nothing but a pointer to the block.
		require.Regexp(t, "^(github.com/emmansun/gmsm/|crypto/cipher$)", object.Type().PkgPath())
		requireSelfContained(t, object, reflect.ValueOf(block).Pointer())
		memory := coredump.Memory(expanded)
		require.NotEqual(t, make([]byte, len(memory)), memory)
		wipe(expanded)
		require.Equal(t, make([]byte, len(memory)), memory)
	}
}

// requireSelfContained fails if object keeps anything behind a pointer other than block.
func requireSelfContained(t *testing.T, object reflect.Value, block uintptr) {
	t.Helper()
	switch object.Kind() {
	case reflect.Struct:
		for _, field := range object.Fields() {
			requireSelfContained(t, field, block)
		}
	case reflect.Array:
		for i := range object.Len() {
			requireSelfContained(t, object.Index(i), block)
		}
	case reflect.Interface:
		requireSelfContained(t, object.Elem(), block)
	case reflect.Pointer:
		require.Equal(t, block, object.Pointer())
	default:
		require.Contains(t, []reflect.Kind{reflect.Int, reflect.Uint8, reflect.Uint32, reflect.Uint64}, object.Kind())
	}
}

func TestClearLeavesNothingOfTheKey(t *testing.T) {
	k := New(exampleKey)
	schedule := coredump.Memory(k.block)
	require.NotEqual(t, make([]byte, len(schedule)), schedule)
	k.Clear()
	require.Equal(t, make([]byte, len(schedule)), schedule)
	require.Equal(t, Key{}, *k)
	k.Clear()
}

func TestTheKeyOfAMessageIsCleared(t *testing.T) {
	m := New(exampleKey).derive(exampleSalt)
	schedule, hash := coredump.Memory(m.block), coredump.Memory(m.aead)
	m.clear()
	for _, memory := range [][]byte{schedule, hash, m.derived[:]} {
		require.Equal(t, make([]byte, len(memory)), memory)
	}
}

func TestAClearedKeyPanicsRatherThanEncryptWithZeros(t *testing.T) {
	k := New(exampleKey)
	k.Clear()
	require.Panics(t, func() { k.Seal(nil, exampleSalt, nil, nil) })
	require.Panics(t, func() { _, _ = k.Open(nil, exampleSalt, bytes.Clone(exampleSealed), nil) })
}

func TestKeysDoNotPrint(t *testing.T) {
	k := New(exampleKey)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%z"} {
		require.Equal(t, "[redacted]", fmt.Sprintf(format, k))
		require.Equal(t, "[redacted]", fmt.Sprintf(format, *k))
	}
}
