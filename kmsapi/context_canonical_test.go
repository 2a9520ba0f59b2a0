package kmsapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzContextEncoding decodes every encoding: an encoding that can be decoded is injective.
func FuzzContextEncoding(f *testing.F) {
	f.Add("a", "bc", "ab", "c", "", "")
	f.Add("", "", "", "", "", "")
	f.Add("\x00\x00\x00\x01", "\xff", "b", "\x00", "a", "a")
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2, n3, v3 string) {
		c := EncryptionContext{n1: v1, n2: v2, n3: v3}
		encoded := c.AppendCanonical(nil)
		decoded, err := decodeContext(encoded)
		require.NoError(t, err)
		require.Equal(t, c, decoded)
		again := EncryptionContext{n3: c[n3], n2: c[n2], n1: c[n1]}
		require.Equal(t, encoded, again.AppendCanonical(nil), "the order does not matter")
	})
}

func decodeContext(encoded []byte) (EncryptionContext, error) {
	number := func() int {
		n := binary.BigEndian.Uint32(encoded)
		encoded = encoded[4:]
		return int(n)
	}
	text := func() string {
		n := number()
		s := string(encoded[:n])
		encoded = encoded[n:]
		return s
	}
	c := EncryptionContext{}
	last := ""
	for i := range number() {
		name := text()
		if i > 0 && name <= last {
			return nil, fmt.Errorf("%q after %q", name, last)
		}
		c[name], last = text(), name
	}
	if len(encoded) > 0 {
		return nil, errors.New("bytes are left over")
	}
	return c, nil
}
