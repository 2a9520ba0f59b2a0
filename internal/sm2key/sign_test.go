package sm2key

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSignatureOfTheStandardIsRight(t *testing.T) {
	public := standardKey(t).Public()
	digest := unhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640")
	signature := unhex("3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" +
		"022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")
	require.True(t, public.Verify(digest, signature))
	require.False(t, opensslKey(t).Public().Verify(digest, signature), "by another key")
}

func TestASignatureOfOpenSSLIsRightAndNoOtherLikeIt(t *testing.T) {
	public, digest, signature := opensslKey(t).Public(), vector(t, "sm2.digest-sm3-za-m.bin"), vector(t, "sm2.sm2dsa.sig")
	require.True(t, public.Verify(digest, signature))
	require.False(t, public.Verify(digest[:31], signature))
	require.False(t, public.Verify(append(bytes.Clone(digest), 0), signature))
	for i := range signature {
		changed := bytes.Clone(signature)
		changed[i] ^= 1
		require.False(t, public.Verify(digest, changed), "byte %d", i)
	}
	for i := range digest {
		changed := bytes.Clone(digest)
		changed[i] ^= 1
		require.False(t, public.Verify(changed, signature), "byte %d of the digest", i)
	}
	for n := range signature {
		require.False(t, public.Verify(digest, signature[:n]), "cut to %d bytes", n)
	}
}

// A signature has one encoding, so nobody can turn it into a different signature.
func TestOtherEncodingsOfASignatureAreRefused(t *testing.T) {
	public, digest, signature := opensslKey(t).Public(), vector(t, "sm2.digest-sm3-za-m.bin"), vector(t, "sm2.sm2dsa.sig")
	var parsed struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(signature, &parsed)
	require.NoError(t, err)
	r, s := parsed.R.Bytes(), parsed.S.Bytes()
	sequence := func(parts ...[]byte) []byte {
		content := bytes.Join(parts, nil)
		return append([]byte{0x30, byte(len(content))}, content...)
	}
	integer := func(n []byte) []byte { return append([]byte{2, byte(len(n))}, n...) }
	require.Equal(t, signature, sequence(integer(r), integer(s)), "no integer of the vector begins with a zero")
	require.Less(t, max(r[0], s[0]), byte(0x80))
	encode := func(r, s *big.Int) []byte {
		der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		require.NoError(t, err)
		return der
	}
	for name, other := range map[string][]byte{
		"raw":                       append(bytes.Clone(r), s...),
		"a leading zero":            sequence(integer(append([]byte{0}, r...)), integer(s)),
		"a byte after it":           append(bytes.Clone(signature), 0),
		"a byte inside":             sequence(integer(r), integer(s), []byte{0}),
		"a third integer":           sequence(integer(r), integer(s), integer([]byte{1})),
		"a long length":             append([]byte{0x30, 0x81, signature[1]}, signature[2:]...),
		"an indefinite length":      append(append([]byte{0x30, 0x80}, signature[2:]...), 0, 0),
		"s plus the order":          encode(parsed.R, new(big.Int).Add(parsed.S, order)),
		"r plus the order":          encode(new(big.Int).Add(parsed.R, order), parsed.S),
		"s less the order":          encode(parsed.R, new(big.Int).Sub(parsed.S, order)),
		"the order less s":          encode(parsed.R, new(big.Int).Sub(order, parsed.S)),
		"r and s swapped":           encode(parsed.S, parsed.R),
		"zeros":                     encode(new(big.Int), new(big.Int)),
		"an r of zero":              encode(new(big.Int), parsed.S),
		"an s of zero":              encode(parsed.R, new(big.Int)),
		"r and s that make up zero": encode(parsed.R, new(big.Int).Sub(order, parsed.R)),
		"nothing":                   nil,
	} {
		require.False(t, public.Verify(digest, other), name)
	}
}

func TestSignaturesDiffer(t *testing.T) {
	key, digest := opensslKey(t), vector(t, "sm2.digest-sm3-za-m.bin")
	seen := map[string]bool{}
	for range 50 {
		signature, err := key.Sign(digest)
		require.NoError(t, err)
		require.LessOrEqual(t, len(signature), 72)
		require.True(t, key.Public().Verify(digest, signature))
		seen[string(signature)] = true
	}
	require.Len(t, seen, 50)
	for _, wrong := range [][]byte{nil, digest[:31], append(bytes.Clone(digest), 0)} {
		_, err := key.Sign(wrong)
		require.Error(t, err)
	}
}

// FuzzSignature looks for a signature that is accepted without being one.
func FuzzSignature(f *testing.F) {
	digest, public := vector(f, "sm2.digest-sm3-za-m.bin"), opensslKey(f).Public()
	good := vector(f, "sm2.sm2dsa.sig")
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, signature []byte) {
		if public.Verify(digest, signature) {
			require.Equal(t, good, signature)
		}
	})
}
