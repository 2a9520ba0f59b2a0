package kmsapi

import (
	"encoding/binary"
	"slices"
)

// AppendCanonical appends the form of a context that a cipher authenticates as additional data, and returns the
// extended buffer. It is injective: the number of entries, then each name and value in the byte order of names, each
// preceded by its length in bytes. Numbers have 32 bits, big-endian. No context and an empty one are the same (§4.11).
func (c EncryptionContext) AppendCanonical(dst []byte) []byte {
	var few [8]string
	names, size := few[:0], 4
	for name, value := range c {
		names = append(names, name)
		size += 4 + len(name) + 4 + len(value)
	}
	slices.Sort(names)
	dst = binary.BigEndian.AppendUint32(slices.Grow(dst, size), uint32(len(c)))
	for _, name := range names {
		dst = appendSized(dst, name)
		dst = appendSized(dst, c[name])
	}
	return dst
}

func appendSized(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}
