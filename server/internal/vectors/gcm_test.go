package vectors

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
)

// TestMessagesAreAES256GCM covers the part of XAES-256-GCM after the derivation of a key, which messages and the chunks
// of files share. Keys, nonces and tags of other sizes are left out: the type can't express them.
func TestMessagesAreAES256GCM(t *testing.T) {
	seen, leftOut := map[string]int{}, 0
	for _, g := range load(t, "aes_gcm_test.json") {
		if g.KeySize != 256 || g.IvSize != 96 || g.TagSize != 128 {
			leftOut += len(g.Tests)
			continue
		}
		for _, v := range g.Tests {
			seen[v.Result]++
			aead := xaes.NewGCM((*[xaes.KeySize]byte)(v.Key))
			sealed := slices.Concat(v.Ct, v.Tag)
			opened, err := aead.Open(nil, v.Iv, sealed, v.Aad)
			if !v.valid() {
				require.Error(t, err, "%d: %s", v.TcID, v.Comment)
				require.Nil(t, opened)
				continue
			}
			require.NoError(t, err, "%d: %s", v.TcID, v.Comment)
			require.Equal(t, string(v.Msg), string(opened))
			require.Equal(t, []byte(sealed), aead.Seal(nil, v.Iv, v.Msg, v.Aad))
		}
	}
	require.Equal(t, map[string]int{"valid": 39, "invalid": 27}, seen)
	require.Equal(t, 250, leftOut)
}
