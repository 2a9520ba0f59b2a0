package xaes

import (
	"crypto/rand"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/coredump"
)

// randomKey returns a key on the heap. A stack leaves copies behind when it grows.
//
//go:noinline
func randomKey() *[KeySize]byte {
	key := new([KeySize]byte)
	_, _ = rand.Read(key[:])
	return key
}

// TestNoKeyIsLeftInMemory searches the whole memory of the process, heap and stacks, for a key and for the key of one
// of its messages, and for what AES has expanded them to. Each is found while it is in use, which proves that the
// search works, and not found afterwards. What the kernel saves of a thread that it interrupts in the middle of AES
// can't be erased; that is rare, so one of three attempts finds nothing, unless something is always left.
func TestNoKeyIsLeftInMemory(t *testing.T) {
	var left []string
	for range 3 {
		if left = leftInMemory(t); len(left) == 0 {
			return
		}
		t.Log(left)
	}
	require.Empty(t, left)
}

// leftInMemory uses new keys, and returns the ways to end their use after which something of them was left.
func leftInMemory(t *testing.T) (left []string) {
	t.Helper()
	search := coredump.New()
	count := func(name string) int {
		found, err := search.Count(os.Getpid())
		require.NoError(t, err)
		return found[name]
	}
	ended := func(name, end string) {
		if n := count(name); n > 0 {
			left = append(left, fmt.Sprintf("%d pieces of %s after %s", n, name, end))
		}
	}
	const key, messageKey = "the key", "the message's key"
	secret := randomKey()
	search.Add(key, secret[:])
	k := New(secret)
	clear(secret[:])
	require.NotZero(t, count(key))
	search.AddExpanded(key, k.block)

	g := k.Derive(vectorNonce)
	search.AddExpanded(messageKey, g.block)
	require.NotZero(t, count(messageKey))
	g.Clear()
	ended(messageKey, "its Clear")

	sealed := k.Seal(nil, vectorNonce, vectorPlaintext, nil)
	ended(messageKey, "Seal")
	_, err := k.Open(nil, vectorNonce, sealed, nil)
	require.NoError(t, err)
	ended(messageKey, "Open")
	sealed[0] ^= 1
	_, err = k.Open(nil, vectorNonce, sealed, nil)
	require.Error(t, err)
	ended(messageKey, "Open has failed")

	k.Clear()
	ended(key, "its Clear")
	return left
}
