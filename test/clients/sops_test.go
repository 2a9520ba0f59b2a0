package clients

import (
	"testing"

	"github.com/getsops/sops/v3/hcvault"
	"github.com/stretchr/testify/require"
)

// TestTheSOPSTutorialsCommands does what `sops encrypt`, `decrypt` and `rotate` do with Vault in
// docs/tutorials/sops.md: it encrypts and decrypts the data key of a file, with a URI of .sops.yaml and tokens that
// allow no more.
func TestTheSOPSTutorialsCommands(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		key := s.newKey(t, nil)
		s.setEnvironment(t)
		uri := s.address + "/v1/" + mount + "/keys/" + key
		editor, deployment := s.newToken(t, key, "encrypt", "decrypt"), s.newToken(t, key, "decrypt")
		dataKey := []byte("a data key of SOPS has 32 bytes.")

		first := s.sopsEncrypt(t, uri, editor, dataKey)
		require.Regexp(t, `^vault:v1:`, first.EncryptedKey)
		require.Equal(t, dataKey, sopsDecrypt(t, first, deployment))
		require.ErrorContains(t, sopsKey(t, uri, deployment).Encrypt(dataKey), "permission denied")

		_, err := s.client.Logical().Write(mount+"/keys/"+key+"/rotate", nil)
		require.NoError(t, err)
		second := s.sopsEncrypt(t, uri, editor, dataKey)
		require.Regexp(t, `^vault:v2:`, second.EncryptedKey)
		require.Equal(t, dataKey, sopsDecrypt(t, first, deployment))
		require.Equal(t, dataKey, sopsDecrypt(t, second, deployment))

		_, err = s.client.Logical().Write(mount+"/keys/"+key+"/disable", nil)
		require.NoError(t, err)
		_, err = first.Decrypt()
		require.ErrorContains(t, err, "Rejected.Disabled")
	})
}

// sopsKey is a master key as SOPS makes it from a rule of .sops.yaml, with its user's token.
func sopsKey(t *testing.T, uri, token string) *hcvault.MasterKey {
	t.Helper()
	key, err := hcvault.NewMasterKeyFromURI(uri)
	require.NoError(t, err)
	hcvault.Token(token).ApplyToMasterKey(key)
	return key
}

func (s *server) sopsEncrypt(t *testing.T, uri, token string, dataKey []byte) *hcvault.MasterKey {
	t.Helper()
	key := sopsKey(t, uri, token)
	require.NoError(t, key.Encrypt(dataKey))
	require.Equal(t, map[string]any{
		"vault_address": s.address, "engine_path": mount, "key_name": key.KeyName,
		"enc": key.EncryptedKey, "created_at": key.ToMap()["created_at"],
	}, key.ToMap(), "what SOPS stores in the file")
	return key
}

func sopsDecrypt(t *testing.T, key *hcvault.MasterKey, token string) []byte {
	t.Helper()
	hcvault.Token(token).ApplyToMasterKey(key)
	dataKey, err := key.Decrypt()
	require.NoError(t, err)
	return dataKey
}
