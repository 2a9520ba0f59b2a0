package clients

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/hashivault" // Its users import it for its scheme.
)

func TestGoCloudOpensWhatItSealed(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		s.setEnvironment(t)
		keeper, err := secrets.OpenKeeper(t.Context(), "hashivault://"+s.newKey(t, nil)+"?engine="+mount)
		require.NoError(t, err)
		defer keeper.Close()
		for _, plaintext := range []string{"hello", "\x00\xff binary", string(make([]byte, 4096))} {
			sealed, err := keeper.Encrypt(t.Context(), []byte(plaintext))
			require.NoError(t, err)
			opened, err := keeper.Decrypt(t.Context(), sealed)
			require.NoError(t, err)
			require.Equal(t, plaintext, string(opened))
		}
	})
}
