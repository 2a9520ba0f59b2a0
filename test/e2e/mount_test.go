package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// mount is the engine, mounted for one test at its own path, as one token sees it.
type mount struct {
	t      *testing.T
	client *api.Client
	path   string
	// others are the plugin's processes that ran before there was this mount.
	others []int
	// insists repeats requests after temporary errors: the leader of a cluster loses its office when its machine is busy.
	insists bool
}

// mount mounts the engine and configures it to use the stage's KMS service.
func (s *stage) mount(t *testing.T) *mount {
	t.Helper()
	m := s.mountUnconfigured(t)
	m.write("config", s.kms.EngineConfig())
	return m
}

func (s *stage) mountUnconfigured(t *testing.T) *mount {
	t.Helper()
	return s.mountAt(t, "kms-"+rand.Text()[:8])
}

// mountAt mounts the engine at path until the test ends.
func (s *stage) mountAt(t *testing.T, path string) *mount {
	t.Helper()
	m := &mount{t: t, client: s.vault.Client, path: path, others: s.pluginProcesses(t)}
	require.NoError(t, m.client.Sys().Mount(m.path, &api.MountInput{
		Type: pluginName, Config: api.MountConfigInput{PluginVersion: stampedVersion},
	}))
	t.Cleanup(func() {
		if err := m.client.Sys().Unmount(m.path); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the end of Vault's log:\n%s", s.vault.Tail())
		}
	})
	return m
}

// as returns the mount as another token sees it.
func (m *mount) as(token string) *mount {
	m.t.Helper()
	client, err := m.client.Clone()
	require.NoError(m.t, err)
	client.SetToken(token)
	return &mount{t: m.t, client: client, path: m.path, others: m.others}
}

// try writes and returns the response unchecked.
func (m *mount) try(path string, data map[string]any) (*api.Secret, error) {
	return m.ask(func() (*api.Secret, error) { return m.client.Logical().Write(m.path+"/"+path, data) })
}

// ask makes a request, and makes it again if the mount insists.
func (m *mount) ask(request func() (*api.Secret, error)) (*api.Secret, error) {
	answer, err := request()
	for deadline := time.Now().Add(patience); m.insists && err != nil && isTemporary(err) && time.Now().Before(deadline); {
		time.Sleep(pollInterval)
		answer, err = request()
	}
	return answer, err
}

// write writes, requires success and returns the response's data.
func (m *mount) write(path string, data map[string]any) map[string]any {
	m.t.Helper()
	return m.data(m.try(path, data))
}

// read reads something that must exist.
func (m *mount) read(path string) map[string]any {
	m.t.Helper()
	return m.data(m.ask(func() (*api.Secret, error) { return m.client.Logical().Read(m.path + "/" + path) }))
}

// list returns the keys of a list, which may be empty.
func (m *mount) list(path string) []any {
	m.t.Helper()
	found, err := m.ask(func() (*api.Secret, error) { return m.client.Logical().List(m.path + "/" + path) })
	require.NoError(m.t, err)
	if found == nil {
		return nil
	}
	keys, _ := found.Data["keys"].([]any)
	return keys
}

func (m *mount) data(answer *api.Secret, err error) map[string]any {
	m.t.Helper()
	require.NoError(m.t, err)
	if answer == nil {
		return nil
	}
	return answer.Data
}

// refused requires a refusal with that status, and a message that contains all parts.
func (m *mount) refused(err error, status int, parts ...string) {
	m.t.Helper()
	var refusal *api.ResponseError
	require.ErrorAs(m.t, err, &refusal)
	require.Equal(m.t, status, refusal.StatusCode, refusal.Error())
	for _, part := range parts {
		require.Contains(m.t, refusal.Error(), part)
	}
}

// unreadable requires that there is nothing at path.
func (m *mount) unreadable(path string) {
	m.t.Helper()
	answer, err := m.client.Logical().Read(m.path + "/" + path)
	if err != nil {
		m.refused(err, http.StatusNotFound)
		return
	}
	require.Nil(m.t, answer)
}

// newPlaintext returns a unique string in base64 that must never be found in a log or file.
func newPlaintext() string {
	text := newSecretText()
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	shared.secrets.add(encoded)
	return encoded
}

// newSecretText returns a unique string that must never be found in a log or file.
func newSecretText() string {
	text := "e2e-plaintext-" + rand.Text()
	shared.secrets.add(text)
	return text
}

// encrypt returns the ciphertext of a base64 plaintext.
func (m *mount) encrypt(key, plaintext string, more ...map[string]any) string {
	m.t.Helper()
	text, _ := m.write("encrypt/"+key, with(map[string]any{"plaintext": plaintext}, more...))["ciphertext"].(string)
	require.NotEmpty(m.t, text)
	return text
}

// decrypt returns the base64 plaintext.
func (m *mount) decrypt(key, ciphertext string, more ...map[string]any) string {
	m.t.Helper()
	text, _ := m.write("decrypt/"+key, with(map[string]any{"ciphertext": ciphertext}, more...))["plaintext"].(string)
	return text
}

func with(data map[string]any, more ...map[string]any) map[string]any {
	for _, m := range more {
		maps.Copy(data, m)
	}
	return data
}

// statusOf is the HTTP status of a refusal, and 0 if there was no response.
func statusOf(err error) int {
	var refusal *api.ResponseError
	if !errors.As(err, &refusal) {
		return 0
	}
	return refusal.StatusCode
}
