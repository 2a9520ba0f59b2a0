package e2e

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// smMount is the engine, mounted for one test, on a service with SM algorithms.
type smMount struct {
	*mount
	// dir is a folder for OpenSSL's files.
	dir string
}

// mountOnSM starts a service with SM algorithms, and mounts the engine that uses it.
func (s *stage) mountOnSM(t *testing.T) *smMount {
	t.Helper()
	dir, err := os.MkdirTemp("", "sm-") // Not in the suite's folder, which must hold no secret.
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	kms := &servers.KMS{Program: shared.service(), Dir: filepath.Join(dir, "kms")}
	require.NoError(t, kms.StartConfigured("sm = true"))
	t.Cleanup(func() { assert.NoError(t, kms.Stop()) })
	shared.secrets.add(kms.Exports["ALICLOUD_SECRET_KEY"])
	m := &smMount{s.mountUnconfigured(t), t.TempDir()}
	m.write("config", kms.EngineConfig())
	return m
}

func fileIn(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return string(content)
}

// run runs a program on the files of the test, and requires success.
func (m *smMount) run(program string, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = m.dir
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "%s %s\n%s", program, strings.Join(args, " "), out)
	return string(out)
}

func (m *smMount) file(name, content string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(filepath.Join(m.dir, name), []byte(content), 0o600))
}

// digestOptions make OpenSSL sign and verify as KMS does.
var digestOptions = []string{"-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"}

// publicKey writes the public key of a key's first version to public.pem.
func (m *smMount) publicKey(key string) {
	m.t.Helper()
	keys := m.read("export/public-key/" + key + "/1")["keys"].(map[string]any)
	m.file("public.pem", keys["1"].(string))
}

func TestOpenSSLVerifiesWhatTheEngineSignsOnSM2(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mountOnSM(t)
		m.write("keys/release", map[string]any{"key_spec": kmsapi.KeySpecSM2})
		m.publicKey("release")
		plaintext := newPlaintext()
		data, err := base64.StdEncoding.DecodeString(plaintext)
		require.NoError(t, err)
		m.file("data", string(data))
		signed := m.write("sign/release", map[string]any{"input": plaintext})["signature"].(string)
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signed, "vault:v1:"))
		require.NoError(t, err)
		m.file("data.sig", string(signature))
		verify := append([]string{
			"pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-in", "data", "-sigfile", "data.sig",
		}, digestOptions...)
		require.Contains(t, m.run("openssl", verify...), "Verified Successfully")

		m.write("keys/release/rotate", nil)
		again := m.write("sign/release", map[string]any{"input": plaintext})["signature"].(string)
		require.Regexp(t, "^vault:v2:", again)
		for _, one := range []string{signed, again} {
			require.Equal(t, true, m.write("verify/release", map[string]any{"input": plaintext, "signature": one})["valid"])
		}
	})
}

func TestAKeyPairOfOpenSSLOnSM2IsImported(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mountOnSM(t)
		m.run("openssl", "genpkey", "-quiet", "-algorithm", "SM2", "-out", "private.pem")
		shared.secrets.add(fileIn(t, m.dir, "private.pem"))
		usages := map[string]string{"signs": kmsapi.KeyUsageSignVerify, "opens": kmsapi.KeyUsageEncryptDecrypt}
		for key, usage := range usages {
			m.write("keys/"+key, map[string]any{"key_spec": kmsapi.KeySpecSM2, "key_usage": usage, "origin": "EXTERNAL"})
			got := m.write("keys/"+key+"/import_parameters", nil)
			m.file("wrapping.pem", got["public_key"].(string))
			wrapped := m.run(shared.service(), "wrap", "-in", "private.pem", "-public-key", "wrapping.pem")
			m.write("keys/"+key+"/import", map[string]any{
				"encrypted_key_material": wrapped, "import_token": got["import_token"],
			})
			m.publicKey(key)
			require.Equal(t, m.run("openssl", "pkey", "-in", "private.pem", "-pubout"), fileIn(t, m.dir, "public.pem"))
		}
		m.file("data", "hello")
		m.run("openssl", append([]string{
			"pkeyutl", "-sign", "-inkey", "private.pem", "-in", "data", "-out", "data.sig",
		}, digestOptions...)...)
		m.run("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "data", "-out", "data.enc")
		ofFile := func(name string) string {
			return "vault:v1:" + base64.StdEncoding.EncodeToString([]byte(fileIn(t, m.dir, name)))
		}
		require.Equal(t, true, m.write("verify/signs", map[string]any{
			"input": "aGVsbG8=", "signature": ofFile("data.sig"),
		})["valid"])
		require.Equal(t, "aGVsbG8=", m.write("decrypt/opens", map[string]any{"ciphertext": ofFile("data.enc")})["plaintext"])
	})
}

func TestAKeyOfSM4GoesThroughItsLife(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mountOnSM(t)
		m.write("keys/payroll", map[string]any{"key_spec": kmsapi.KeySpecSM4})
		plaintext := newPlaintext()
		texts := []string{m.encrypt("payroll", plaintext)}
		for n, change := range []func(){
			func() { m.write("keys/payroll/rotate", nil) },
			func() { m.write("keys/payroll/config", map[string]any{"encryption": "envelope"}) },
			func() { m.write("keys/payroll/rotate", nil) },
		} {
			change()
			texts = append(texts, m.encrypt("payroll", plaintext))
			require.Contains(t, texts[n+1], []string{"vault:v2:", "vault:v3:", "vault:v4:"}[n])
		}
		for _, text := range texts {
			require.Equal(t, plaintext, m.decrypt("payroll", text))
		}
		require.Equal(t, "aliyun_sm4", m.read("keys/payroll")["type"])
	})
}
