package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// beforeVersions is the last commit whose plugin knows no versions of keys, and beforeVersion what it is called here.
	beforeVersions = "0b800ccc502ee7b4fd93201048f4828697b64b56"
	beforeVersion  = "v0.0.9-e2e"
)

// registerBefore builds the earlier plugin from this repository's history, and registers it for the test.
func (s *stage) registerBefore(t *testing.T) {
	t.Helper()
	sources, file := t.TempDir(), filepath.Join(shared.plugins(), pluginName+"_"+beforeVersion)
	// Without the path of the folder, which is a new one each time, the next build finds this one's packages in the cache.
	script := `set -euo pipefail
git -C "$1" archive "$2" | tar -x -C "$3"
go build -C "$3" -trimpath -buildvcs=false -ldflags "-X $4.Version=$5" -o "$6" "./cmd/$7"`
	build := exec.Command("bash", "-c", script, "build",
		root, beforeVersions, sources, module, beforeVersion, file, pluginName)
	build.Env = shared.environment
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, s.vault.Register(t.Context(), pluginName, file, beforeVersion))
	s.deregisterAfter(t, beforeVersion)
}

// become makes the mount run another version of the plugin.
func (m *mount) become(s *stage, version string) {
	m.t.Helper()
	m.tune(version)
	require.NoError(m.t, s.reload())
	m.runs(version)
}

// concerns reports whether a call is about one of the keys.
func (c call) concerns(keys ...string) bool {
	key, _ := c.data["key"].(string)
	return slices.Contains(keys, key) || slices.ContainsFunc(strings.Split(c.path, "/"), func(part string) bool {
		return slices.Contains(keys, part)
	})
}

// TestThePluginOfBeforeRefusesTodaysKeysAndDamagesNone downgrades to a plugin that knows no versions of keys. It goes
// on with its own keys, and whatever it is asked to do with others, they are unchanged after the next upgrade.
func TestThePluginOfBeforeRefusesTodaysKeysAndDamagesNone(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		if exec.Command("git", "-C", root, "cat-file", "-e", beforeVersions+"^{commit}").Run() != nil {
			t.Logf("THIS CLONE HAS NO HISTORY, SO THE PLUGIN OF COMMIT %.12s CAN'T BE BUILT. What is left is the engine's "+
				"TestPluginOfBeforeRefusesAnEntryWithVersions, which reads entries by that plugin's rule.", beforeVersions)
			return
		}
		s.registerBefore(t)
		m := s.mount(t)
		m.become(s, beforeVersion)
		m.write("keys/old", nil)
		plaintext := newPlaintext()
		old := m.encrypt("old", plaintext)

		m.become(s, stampedVersion)
		require.Equal(t, plaintext, m.decrypt("old", old))
		todays := []string{"a", "other", "external"}
		f := s.fixture(m)
		before := map[string]map[string]any{}
		for _, key := range todays {
			before[key] = m.read("keys/" + key)
		}

		m.become(s, beforeVersion)
		require.Equal(t, plaintext, m.decrypt("old", old))
		// A path that it does not know is 404.
		refused, refusals := 0, []int{http.StatusInternalServerError, http.StatusNotFound}
		for _, c := range f.calls() {
			if c.concerns(todays...) {
				err := c.do(m)
				require.Error(t, err, c.name)
				require.Contains(t, refusals, statusOf(err), "%s: %s", c.name, err)
				refused++
			}
		}
		require.Greater(t, refused, 20)

		m.become(s, stampedVersion)
		require.Equal(t, plaintext, m.decrypt("old", old))
		require.Equal(t, f.plaintext, m.decrypt("a", f.ciphertext))
		for _, key := range todays {
			require.Equal(t, before[key], m.read("keys/"+key))
		}
	})
}
