package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newMaterial returns a file with key material in the form that Vault's command line expects.
func newMaterial(t *testing.T) string {
	t.Helper()
	material := make([]byte, 32)
	_, _ = rand.Read(material) // It never fails.
	shared.secrets.add(string(material))
	encoded := base64.StdEncoding.EncodeToString(material)
	shared.secrets.add(encoded)
	file := filepath.Join(t.TempDir(), "material.b64")
	require.NoError(t, os.WriteFile(file, []byte(encoded), 0o600))
	return file
}

// transitImport runs the standard command line's import for transit, on the engine.
func (s *stage) transitImport(t *testing.T, m *mount, key, file string, more ...string) (output string, err error) {
	t.Helper()
	return s.transit(t, m, append([]string{"import", m.path + "/keys/" + key, "@" + file}, more...)...)
}

// transit runs one of the standard command line's commands for transit.
func (s *stage) transit(t *testing.T, m *mount, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.Command(s.vault.platform.bin, append([]string{"transit"}, args...)...)
	prefix := s.vault.platform.prefix
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(),
		prefix+"ADDR=http://"+s.vault.Address, prefix+"TOKEN="+m.client.Token())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTransitImportCommandImportsAKeyThatItsOwnerCanDelete(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		mine, other := newMaterial(t), newMaterial(t)
		out, err := s.transitImport(t, m, "mine", mine, "type=aes256-gcm96", "description=imported")
		require.NoError(t, err, out)
		key := m.read("keys/mine")
		require.Equal(t, "EXTERNAL", key["origin"])
		require.Equal(t, "Enabled", key["key_state"])
		require.Equal(t, "imported", key["description"])
		plaintext := newPlaintext()
		ciphertext := m.encrypt("mine", plaintext)

		out, err = s.transitImport(t, m, "mine", other)
		require.Error(t, err, "other material must not replace it")
		require.Contains(t, out, "InvalidKeyMaterial")
		require.Equal(t, plaintext, m.decrypt("mine", ciphertext))

		_, err = m.client.Logical().Delete(m.path + "/keys/mine/material")
		require.NoError(t, err)
		_, err = m.try("decrypt/mine", map[string]any{"ciphertext": ciphertext})
		m.refused(err, http.StatusConflict, "Rejected.PendingImport", "transit import")

		out, err = s.transitImport(t, m, "mine", mine)
		require.NoError(t, err, out)
		require.Equal(t, plaintext, m.decrypt("mine", ciphertext))
	})
}

func TestTransitImportVersionCommandAddsAVersion(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		out, err := s.transitImport(t, m, "mine", newMaterial(t))
		require.NoError(t, err, out)
		plaintext := newPlaintext()
		first := m.encrypt("mine", plaintext)
		out, err = s.transit(t, m, "import-version", m.path+"/keys/mine", "@"+newMaterial(t))
		require.NoError(t, err, out)
		second := m.encrypt("mine", plaintext)
		require.Regexp(t, "^vault:v1:", first)
		require.Regexp(t, "^vault:v2:", second)
		for _, text := range []string{first, second} {
			require.Equal(t, plaintext, m.decrypt("mine", text))
		}
	})
}

func TestMaterialWrappedByOurOwnCommandNeverPassesVault(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/mine", map[string]any{"origin": "EXTERNAL"})
		got := m.write("keys/mine/import_parameters", nil)
		dir := t.TempDir()
		material := make([]byte, 32)
		_, _ = rand.Read(material)
		shared.secrets.add(string(material))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "material"), material, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "public.pem"), []byte(got["public_key"].(string)), 0o600))
		wrapped, err := exec.Command(shared.service(), "wrap",
			"-in", filepath.Join(dir, "material"), "-public-key", filepath.Join(dir, "public.pem")).Output()
		require.NoError(t, err)
		m.write("keys/mine/import",
			map[string]any{"encrypted_key_material": string(wrapped), "import_token": got["import_token"]})
		plaintext := newPlaintext()
		require.Equal(t, plaintext, m.decrypt("mine", m.encrypt("mine", plaintext)))
	})
}
