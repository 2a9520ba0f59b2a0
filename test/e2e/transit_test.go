package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTransitsClientsNeedNothingButAnotherMountPath makes the requests of transit's clients as each of them makes them,
// byte for byte, and requires what each of them needs in the answers. Those that are Go libraries run in test/clients.
func TestTransitsClientsNeedNothingButAnotherMountPath(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "transit", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				played := readRecording(t, file)
				mine := &mount{t: t, client: m.client, path: m.path}
				if played.mount != "" {
					mine = s.mountAt(t, played.mount)
					mine.write("config", s.kms.EngineConfig())
				}
				mine.replay(played, variables())
			})
		}
	})
}

// variables are the values of the words that begin with $: the names of two keys, a plaintext, a context, and a message
// with its SHA-256, all but the names in base64.
func variables() map[string]string {
	message := []byte("message " + rand.Text())
	digest := sha256.Sum256(message)
	encoded := base64.StdEncoding.EncodeToString
	return map[string]string{
		"key": "k" + strings.ToLower(rand.Text()[:8]), "other": "k" + strings.ToLower(rand.Text()[:8]),
		"plaintext": newPlaintext(), "context": encoded([]byte("context " + rand.Text())),
		"message": encoded(message), "digest": encoded(digest[:]),
	}
}

// replay makes the requests of a recording.
func (m *mount) replay(r *recording, values map[string]string) {
	m.t.Helper()
	expand := func(text string) string {
		return os.Expand(text, func(name string) string {
			require.Contains(m.t, values, name)
			return values[name]
		})
	}
	for _, e := range r.exchanges {
		status, body := m.exchange(e.method, expand(e.path), expand(e.body), r.contentType)
		where := []any{"line %d: %s %s: %s", e.line, e.method, e.path, body}
		if e.given {
			require.Less(m.t, status, 300, where...)
			continue
		}
		require.Equal(m.t, e.status, status, where...)
		for _, n := range e.needs {
			n.want = expand(n.want)
			value := n.check(m.t, body)
			if n.name != "" {
				values[n.name] = value
			}
		}
	}
}

// exchange makes one request, exactly as given, and follows no redirect.
func (m *mount) exchange(method, path, body, contentType string) (status int, answer string) {
	m.t.Helper()
	request, err := http.NewRequestWithContext(m.t.Context(), method, m.client.Address()+"/v1/"+m.path+"/"+path,
		strings.NewReader(body))
	require.NoError(m.t, err)
	request.Header.Set("X-Vault-Token", m.client.Token())
	if contentType != "" && body != "" {
		request.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(m.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(m.t, err)
	return resp.StatusCode, string(text)
}
