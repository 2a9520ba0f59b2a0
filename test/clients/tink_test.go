package clients

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/core/registry"
)

// tinkURI names a key as Tink's users do. Only its path matters to a client that is given a connection.
func tinkURI(key string) string { return "hcvault://vault.example.com/" + mount + "/keys/" + key }

// tinkClient is Tink's client for a server, with options for its AEADs.
func (s *server) tinkClient(t *testing.T, options ...hcvault.AEADOption) registry.KMSClient {
	t.Helper()
	client, err := hcvault.NewClientWithAEADOptions("hcvault://", s.client.Logical(), options...)
	require.NoError(t, err)
	return client
}

func TestTinkOpensWhatItSealedWithTheSameAssociatedDataOnly(t *testing.T) {
	for name, form := range map[string][]hcvault.AEADOption{
		"associated_data":           nil,
		"context, the earlier form": {hcvault.WithLegacyContextParamater()},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *server) {
				remote, err := s.tinkClient(t, form...).GetAEAD(tinkURI(s.newKey(t, nil)))
				require.NoError(t, err)
				for _, bound := range []string{"", "invoice 4711"} {
					sealed, err := remote.Encrypt([]byte("hello"), []byte(bound))
					require.NoError(t, err)
					opened, err := remote.Decrypt(sealed, []byte(bound))
					require.NoError(t, err)
					require.Equal(t, "hello", string(opened))
					_, err = remote.Decrypt(sealed, []byte("another invoice"))
					require.ErrorContains(t, err, "400")
				}
			})
		})
	}
}

func TestTinkEnvelopesAreRootedInTheKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		remote, err := s.tinkClient(t).GetAEAD(tinkURI(s.newKey(t, nil)))
		require.NoError(t, err)
		local := aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), remote)
		large := make([]byte, 1<<20)
		sealed, err := local.Encrypt(large, []byte("backup"))
		require.NoError(t, err)
		opened, err := local.Decrypt(sealed, []byte("backup"))
		require.NoError(t, err)
		require.Equal(t, large, opened)
	})
}
