package sm2key

import (
	"bytes"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/require"
)

func TestSM4IsThatOfTheStandard(t *testing.T) {
	block, err := sm4.NewCipher(unhex("0123456789abcdeffedcba9876543210"))
	require.NoError(t, err)
	got := make([]byte, 16)
	block.Encrypt(got, unhex("0123456789abcdeffedcba9876543210"))
	require.Equal(t, unhex("681edf34d206965e86b3e94f536e4246"), got)
}

func TestAWrappedPrivateKeyReturns(t *testing.T) {
	wrapping, err := Generate()
	require.NoError(t, err)
	want := opensslKey(t)
	wrapped, err := wrapping.Public().WrapPrivateKey(want.Scalar())
	require.NoError(t, err)
	require.Len(t, wrapped, 145, "113 bytes of SM2PKE, and 32 of SM4-ECB")
	got, ok := wrapping.UnwrapPrivateKey(wrapped)
	require.True(t, ok)
	require.Equal(t, want.Scalar(), got)

	for name, wrong := range map[string][]byte{
		"nothing": nil, "a byte less": wrapped[:144], "a byte more": append(bytes.Clone(wrapped), 0),
		"padded": append(bytes.Clone(wrapped), make([]byte, 16)...), "without the number": wrapped[:113],
	} {
		_, ok := wrapping.UnwrapPrivateKey(wrong)
		require.False(t, ok, name)
	}
	for i := range 113 {
		changed := bytes.Clone(wrapped)
		changed[i] ^= 1
		scalar, ok := wrapping.UnwrapPrivateKey(changed)
		require.False(t, ok, "byte %d", i)
		require.NotEqual(t, want.Scalar(), scalar)
	}
	_, err = wrapping.Public().WrapPrivateKey(want.Scalar()[1:])
	require.ErrorIs(t, err, ErrKey)
	_, ok = want.UnwrapPrivateKey(wrapped)
	require.False(t, ok, "with another wrapping key")
}
