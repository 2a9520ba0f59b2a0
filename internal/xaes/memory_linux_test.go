package xaes

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoKeyIsLeftInMemory searches the whole memory of the process, heap and stacks, for a key and for the key of one
// of its messages. Each is found while it is in use, which proves that the search works, and not found afterwards.
func TestNoKeyIsLeftInMemory(t *testing.T) {
	s := newSearch(t)
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:])
	key := masked(secret[:])
	k := New(&secret)
	clear(secret[:])
	require.NotZero(t, s.count(key))

	g := k.Derive(vectorNonce)
	messageKey := masked(memoryOf(g.block)[:KeySize])
	require.NotZero(t, s.count(messageKey))
	g.Clear()
	require.Zero(t, s.count(messageKey), "after the message key's Clear")

	sealed := k.Seal(nil, vectorNonce, vectorPlaintext, nil)
	require.Zero(t, s.count(messageKey), "after Seal")
	_, err := k.Open(nil, vectorNonce, sealed, nil)
	require.NoError(t, err)
	require.Zero(t, s.count(messageKey), "after Open")
	sealed[0] ^= 1
	_, err = k.Open(nil, vectorNonce, sealed, nil)
	require.Error(t, err)
	require.Zero(t, s.count(messageKey), "after Open has failed")

	k.Clear()
	require.Zero(t, s.count(key), "after Clear")
}

// masked returns a copy of secret with every bit inverted. A search that knows only such copies can't find itself, nor
// what the runtime saves of its registers when it switches goroutines.
func masked(secret []byte) []byte {
	m := make([]byte, len(secret))
	for i, b := range secret {
		m[i] = ^b
	}
	return m
}

// A search reads the memory of the process into memory that is shared, and which is not searched.
type search struct {
	t      *testing.T
	memory *os.File
	buffer []byte
	ones   []byte
}

func newSearch(t *testing.T) *search {
	t.Helper()
	const size = 1 << 20
	memory, err := os.Open("/proc/self/mem")
	require.NoError(t, err)
	buffer, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, syscall.Munmap(buffer))
		require.NoError(t, memory.Close())
	})
	return &search{t: t, memory: memory, buffer: buffer, ones: bytes.Repeat([]byte{0xff}, size)}
}

// count returns how many places hold the first or the second half of the secret behind key, which is masked.
func (s *search) count(key []byte) int {
	s.t.Helper()
	swapped := swapWords(key)
	found := 0
	for _, region := range privateMemory(s.t) {
		// Chunks overlap, so that nothing is missed at their ends.
		for at := region.begin; at < region.end; at += int64(len(s.buffer) - KeySize) {
			// A region that has gone in the meantime can't be read.
			n, _ := s.memory.ReadAt(s.buffer[:min(int64(len(s.buffer)), region.end-at)], at)
			chunk := s.buffer[:n]
			subtle.XORBytes(chunk, chunk, s.ones)
			for _, half := range [][]byte{key[:16], key[16:], swapped[:16], swapped[16:]} {
				found += bytes.Count(chunk, half)
			}
		}
	}
	return found
}

type memoryRegion struct{ begin, end int64 }

// privateMemory returns the regions that the process can write and shares with no other.
func privateMemory(t *testing.T) []memoryRegion {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	var regions []memoryRegion
	for line := range strings.Lines(string(maps)) {
		var r memoryRegion
		var access string
		_, err := fmt.Sscanf(line, "%x-%x %s", &r.begin, &r.end, &access)
		if err == nil && access == "rw-p" {
			regions = append(regions, r)
		}
	}
	require.NotEmpty(t, regions)
	return regions
}
