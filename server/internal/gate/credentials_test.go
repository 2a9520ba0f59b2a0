package gate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// loaded returns the credential of an access key whose secret and token are in files with the given content.
func loaded(t *testing.T, content string) (*credential, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "the-file")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	key := config.AccessKey{ID: "LTAIone", SecretFile: file, SecurityTokenFile: file}
	all, err := LoadCredentials(withKey(key))
	return all["LTAIone"], err
}

func withKey(key config.AccessKey) config.Config {
	return config.Config{Accounts: []config.Account{{ID: "1", AccessKeys: []config.AccessKey{key}}}}
}

func TestSecretsLoseWhatTheirFilesAdd(t *testing.T) {
	for _, content := range []string{
		"the-secret", "the-secret\n", "the-secret\r\n", "\ufeffthe-secret\r\n", "\n the-secret \n\n",
	} {
		key, err := loaded(t, content)
		require.NoError(t, err, "%q", content)
		require.Equal(t, "the-secret", key.secret.Reveal())
		require.Equal(t, "the-secret", key.token.Reveal())
	}
	inline := config.AccessKey{ID: "LTAIone", Secret: "the-secret\n", SecurityToken: "the-token\r\n"}
	all, err := LoadCredentials(withKey(inline))
	require.NoError(t, err)
	require.Equal(t, "the-secret", all["LTAIone"].secret.Reveal())
	require.Equal(t, "the-token", all["LTAIone"].token.Reveal())
}

func TestASecretIsRefusedIfAControlCharacterIsInside(t *testing.T) {
	for content, want := range map[string]string{
		"hidden\nhidden": "the-file has a line break", "hidden\x00hidden": "the-file has a line break",
		" \n": "the-file is empty", "": "the-file is empty",
	} {
		_, err := loaded(t, content)
		require.ErrorContains(t, err, want, "%q", content)
		require.ErrorContains(t, err, `access_key "LTAIone"`)
		require.NotContains(t, err.Error(), "hidden")
	}
}

func TestASecretInTheFieldForItsFileIsNotShown(t *testing.T) {
	for _, hidden := range []string{
		"KTR2LPJ5XQ7ZAB4MNWVC63DEFG", "aB3dEfGhIjKlMnOpQrStUvWxYz0123",
		"CAIS+" + strings.Repeat("hidden/", 60) + strings.Repeat("h1", 200),
	} {
		path := filepath.Join(t.TempDir(), hidden)
		for _, key := range []config.AccessKey{
			{ID: "LTAIone", SecretFile: path}, {ID: "LTAIone", Secret: "s", SecurityTokenFile: path},
		} {
			_, err := LoadCredentials(withKey(key))
			require.ErrorContains(t, err, "there is no such file; its name is not shown, since it looks like what belongs in s")
			require.NotContains(t, err.Error(), hidden[:5])
		}
	}
	for _, name := range []string{"payroll.secret", "payroll-2026-secret", "thesecretofpayroll", "secret2"} {
		_, err := LoadCredentials(withKey(config.AccessKey{ID: "LTAIone", SecretFile: filepath.Join(t.TempDir(), name)}))
		require.ErrorContains(t, err, name+": no such file or directory")
	}
}
