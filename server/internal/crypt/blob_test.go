package crypt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	versionA = "0b8f3a64-1c2d-4e5f-8091-a2b3c4d5e6f7"
	versionB = "5a9d1c20-7b3e-4f61-9c84-0d2e4f60718b"
)

type context = kmsapi.EncryptionContext

func newMaterial(t testing.TB, spec string) *Material {
	t.Helper()
	m, err := NewMaterial(spec, nil)
	require.NoError(t, err)
	return m
}

func seal(t testing.TB, m *Material, plaintext string, c context) []byte {
	t.Helper()
	blob, err := m.Seal(versionA, []byte(plaintext), c)
	require.NoError(t, err)
	return blob
}

func TestBlobsOpenWithTheirKeyAndContext(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		for _, plaintext := range []string{"", "x", strings.Repeat("long", 2000)} {
			for _, c := range []context{nil, {}, {"a": "1"}, {"a": "1", "b": "", "": "c"}} {
				blob := seal(t, m, plaintext, c)
				require.Len(t, blob, blobOverhead[spec]+len(plaintext))
				id, err := BlobVersionID(blob)
				require.NoError(t, err)
				require.Equal(t, versionA, id)
				opened, err := m.Open(blob, c)
				require.NoError(t, err)
				require.Equal(t, plaintext, string(opened))
			}
		}
	})
}

// TestBlobLayoutIsStable pins the format: blobs that users keep must open forever.
func TestBlobLayoutIsStable(t *testing.T) {
	random := bytes.NewReader(append(bytes.Repeat([]byte{7}, keySize), "ABCDEFGHIJKLMNOPQRSTUVWX"...))
	m, err := NewMaterial(kmsapi.KeySpecAES256, random)
	require.NoError(t, err)
	blob := seal(t, m, "plaintext", context{"b": "2", "a": "1"})
	require.Equal(t, versionA+"\x01ABCDEFGHIJKLMNOPQRSTUVWX", string(blob[:61]))

	additional := blobLabel + string(blob[:61]) +
		"\x00\x00\x00\x02" + "\x00\x00\x00\x01a\x00\x00\x00\x011" + "\x00\x00\x00\x01b\x00\x00\x00\x012"
	cipher := xaes.New((*[keySize]byte)(bytes.Repeat([]byte{7}, keySize)))
	require.Equal(t, cipher.Seal(nil, blob[37:61], []byte("plaintext"), []byte(additional)), blob[61:])
	require.Equal(t, "bee68bbeb66652bfea49ec439778247438bce6c1c2cffea6f5", hex.EncodeToString(blob[61:]))
}

func TestABlobOpensWithNoOtherContext(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		contexts := []context{
			nil,
			{"": ""},
			{"a": "bc"},
			{"ab": "c"},
			{"abc": ""},
			{"": "abc"},
			{"a": "b", "c": "d"},
			{"a": "bcd"},
			{"c": "b", "a": "d"},
			{"app": "bench"},
			{"ap": "pbench"},
			{"a": "b\x00\x00\x00\x01c"},
			{"A": "bc"},
			{"a": "bc "},
		}
		for i, c := range contexts {
			blob := seal(t, m, "plaintext", c)
			for j, other := range contexts {
				_, err := m.Open(blob, other)
				if i == j {
					require.NoError(t, err)
				} else {
					require.Equal(t, ErrOpen, err, "%v opens with %v", c, other)
				}
			}
		}
	})
}

func TestNilAndEmptyContextsAreEqual(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		_, err := m.Open(seal(t, m, "x", nil), context{})
		require.NoError(t, err)
		_, err = m.Open(seal(t, m, "x", context{}), nil)
		require.NoError(t, err)
	})
}

func TestAlteredBlobsDoNotOpen(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		c := context{"a": "1"}
		blob := seal(t, m, "plaintext", c)
		refused := func(changed []byte, how string, args ...any) {
			t.Helper()
			plaintext, err := m.Open(changed, c)
			require.Equal(t, ErrOpen, err, how, args)
			require.Nil(t, plaintext)
		}
		for bit := range len(blob) * 8 {
			changed := bytes.Clone(blob)
			changed[bit/8] ^= 1 << (bit % 8)
			refused(changed, "bit %d flipped", bit)
		}
		for n := range blob {
			refused(blob[:n], "cut to %d bytes", n)
			refused(blob[n+1:], "without the first %d bytes", n+1)
		}
		for b := range 256 {
			refused(append(bytes.Clone(blob), byte(b)), "with byte %d added", b)
		}
		refused(nil, "nothing")
		refused(append([]byte(strings.ToUpper(versionA)), blob[36:]...), "in upper case")
	})
}

func TestBlobsOfAnotherKeyDoNotOpen(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		a, b := newMaterial(t, spec), newMaterial(t, spec)
		blobA, err := a.Seal(versionA, []byte("of A"), nil)
		require.NoError(t, err)
		blobB, err := b.Seal(versionB, []byte("of B"), nil)
		require.NoError(t, err)
		_, err = b.Open(blobA, nil)
		require.Equal(t, ErrOpen, err)

		// With the id of the other key in the header, a service would try the wrong key.
		swapped := append([]byte(versionB), blobA[36:]...)
		for _, m := range []*Material{a, b} {
			_, err = m.Open(swapped, nil)
			require.Equal(t, ErrOpen, err)
		}
		_, err = a.Open(append(bytes.Clone(blobA[:blobOverhead[spec]-tagSize]), blobB[blobOverhead[spec]-tagSize:]...), nil)
		require.Equal(t, ErrOpen, err)
	})
}

func TestBlobHeadersAreParsedStrictly(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		format, rest := string(seal(t, m, "", nil)[36]), string(make([]byte, blobOverhead[spec]-37))
		for name, header := range map[string]string{
			"upper case":       strings.ToUpper(versionA) + format,
			"braces":           "{" + versionA[:34] + "}" + format,
			"a missing hyphen": strings.Replace(versionA, "-", "0", 1) + format,
			"not a hex digit":  strings.Replace(versionA, "a", "g", 1) + format,
			"format 0":         versionA + "\x00",
			"format 3":         versionA + "\x03",
			"too short":        versionA[:35] + format,
		} {
			t.Run(name, func(t *testing.T) {
				_, err := BlobVersionID([]byte(header + rest))
				require.Equal(t, ErrOpen, err)
				_, err = m.Seal(strings.TrimRight(header, "\x00\x01\x02\x03")+"x", nil, nil)
				require.Error(t, err)
			})
		}
		_, err := BlobVersionID([]byte(versionA + format + rest))
		require.NoError(t, err)
		_, err = BlobVersionID([]byte(versionA + format + rest[1:]))
		require.Equal(t, ErrOpen, err)
		for n := range 37 {
			_, err = BlobVersionID([]byte(versionA + format)[:n])
			require.Equal(t, ErrOpen, err)
		}
	})
}

func TestIsUUID(t *testing.T) {
	require.True(t, IsUUID(versionA))
	for _, id := range []string{
		"", versionA[1:], versionA + "0", strings.ToUpper(versionA),
		strings.ReplaceAll(versionA, "-", ""), strings.Replace(versionA, "-", "0", 1),
		"-" + versionA[1:], "g" + versionA[1:], "/" + versionA[1:], "é" + versionA[2:],
	} {
		require.False(t, IsUUID(id), id)
	}
}

func TestNoncesDoNotRepeat(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		m := newMaterial(t, spec)
		seen := map[string]bool{}
		for range 1000 {
			nonce := string(seal(t, m, "same", nil)[37 : blobOverhead[spec]-tagSize])
			require.False(t, seen[nonce])
			seen[nonce] = true
		}
	})
}

func TestNothingIsSealedWithoutRandomness(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		_, err := NewMaterial(spec, iotest.ErrReader(errors.New("no entropy")))
		require.ErrorContains(t, err, "no entropy")
		m, err := NewMaterial(spec, bytes.NewReader(make([]byte, kmsapi.MaterialSize(spec)+15)))
		require.NoError(t, err)
		blob, err := m.Seal(versionA, []byte("x"), nil)
		require.Error(t, err)
		require.Nil(t, blob)
	})
}

func FuzzOpen(f *testing.F) {
	// All fuzzing processes must use the same blobs.
	material, blobs := map[string]*Material{}, map[string][]byte{}
	for spec := range blobOverhead {
		m, err := NewMaterial(spec, bytes.NewReader(bytes.Repeat([]byte{7}, keySize+nonceSize)))
		require.NoError(f, err)
		material[spec], blobs[spec] = m, seal(f, m, "plaintext", context{"a": "1"})
		f.Add(blobs[spec], "a", "1")
		f.Add(blobs[spec][:blobOverhead[spec]-1], "a", "1")
	}
	f.Add([]byte(nil), "", "")
	f.Add(bytes.Repeat([]byte("0"), 77), "a", "")
	f.Fuzz(func(t *testing.T, fuzzed []byte, name, value string) {
		for spec, m := range material {
			plaintext, err := m.Open(fuzzed, context{name: value})
			if err == nil {
				// Only blobs that the key sealed open, and only with their context.
				require.Equal(t, blobs[spec], fuzzed)
				require.Equal(t, "plaintext", string(plaintext))
				require.Equal(t, context{"a": "1"}, context{name: value})
				continue
			}
			require.Equal(t, ErrOpen, err)
			require.Nil(t, plaintext)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for spec := range blobOverhead {
		for _, size := range []int{64, 8192} {
			b.Run(fmt.Sprint(spec, "/", size), func(b *testing.B) {
				m := newMaterial(b, spec)
				plaintext, c := make([]byte, size), context{"app": "payroll", "env": "prod"}
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := m.Seal(versionA, plaintext, c); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
