package xaes

import (
	"crypto/rand"
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
// search works, and not found afterwards.
func TestNoKeyIsLeftInMemory(t *testing.T) {
	search := coredump.New()
	count := func(name string) int {
		found, err := search.Count(os.Getpid())
		require.NoError(t, err)
		return found[name]
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
	require.Zero(t, count(messageKey), "after the message key's Clear")

	sealed := k.Seal(nil, vectorNonce, vectorPlaintext, nil)
	require.Zero(t, count(messageKey), "after Seal")
	_, err := k.Open(nil, vectorNonce, sealed, nil)
	require.NoError(t, err)
	require.Zero(t, count(messageKey), "after Open")
	sealed[0] ^= 1
	_, err = k.Open(nil, vectorNonce, sealed, nil)
	require.Error(t, err)
	require.Zero(t, count(messageKey), "after Open has failed")

	k.Clear()
	require.Zero(t, count(key), "after Clear")
}
