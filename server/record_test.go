package server_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The numbers of the fields that tests change in the store's records.
const (
	cmkKeySpec     = 3
	cmkState       = 6
	cmkHasMaterial = 8
	primaryID      = 16
	wrapped        = 18
	fingerprint    = 19
	aliasKeyID     = 1
)

// fields returns the fields of a record of the store, by their numbers.
func fields(t testing.TB, value []byte) map[byte]string {
	found := map[byte]string{}
	require.Equal(t, byte(1), value[0], "the record's format")
	for rest := value[1:]; len(rest) > 0; {
		length, size := binary.Uvarint(rest[1:])
		end := 1 + size + int(length)
		found[rest[0]] = string(rest[1+size : end])
		rest = rest[end:]
	}
	return found
}

// edit changes the fields of a record in the store.
func edit(t testing.TB, w store.Writer, path string, change func(record map[byte]string)) {
	value, err := w.Get(path)
	require.NoError(t, err)
	record := fields(t, value)
	change(record)
	value = []byte{1}
	for _, number := range slices.Sorted(maps.Keys(record)) {
		value = binary.AppendUvarint(append(value, number), uint64(len(record[number])))
		value = append(value, record[number]...)
	}
	require.NoError(t, w.Put(path, value))
}
