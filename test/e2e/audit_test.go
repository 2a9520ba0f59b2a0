package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// auditPage is the page about the audit logs.
func auditPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "audit.md"))
	require.NoError(t, err)
	return string(text)
}

var (
	// auditRow is a row of the page's table of Vault's fields: one or more of them, and whether they are in clear.
	auditRow = regexp.MustCompile("(?m)^\\| (`[a-z_.`, ]+`) \\| (HMAC|in clear) \\|")
	quoted   = regexp.MustCompile("`([a-z_.]+)`")
)

// TestVaultsAuditLogIsAsThePageSays looks for each field of the page's table in what a real Vault writes about the
// engine.
func TestVaultsAuditLogIsAsThePageSays(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		if s.vault.platform.name != "vault" {
			return // It has no audit log here: see initialize.
		}
		m := s.mount(t)
		_, err := m.client.Logical().Write("sys/mounts/"+m.path+"/tune", map[string]any{
			"audit_non_hmac_response_keys": []string{"key_id"},
		})
		require.NoError(t, err)
		m.write("keys/payroll", nil)
		bound := map[string]any{"encryption_context": map[string]any{"app": "payroll"}}
		m.decrypt("payroll", m.encrypt("payroll", "aGVsbG8=", bound), bound)
		_, err = m.try("encrypt/lost", map[string]any{"plaintext": "aGVsbG8="})
		require.Error(t, err)

		found := s.auditedFields(t, m.path+"/")
		rows := auditRow.FindAllStringSubmatch(auditPage(t), -1)
		require.Len(t, rows, 13)
		for _, row := range rows {
			for _, field := range quoted.FindAllStringSubmatch(row[1], -1) {
				if assert.NotEmpty(t, found[field[1]], "no line has %s", field[1]) {
					assert.Equal(t, row[2] == "HMAC", strings.HasPrefix(found[field[1]], "hmac-sha256:"), "%s", field[1])
				}
			}
		}
		require.Contains(t, found, "request.data.encryption_context.app", "the names of a context are in clear")
	})
}

// auditedFields returns the last value of each field in the lines of Vault's audit log about a mount. A nested field
// has both names, and the field around it also has the value of one within it.
func (s *stage) auditedFields(t *testing.T, mount string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(s.vault.Dir + ".audit.log")
	require.NoError(t, err)
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		var entry struct{ Request map[string]any }
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if entry.Request["mount_point"] == mount {
			flatten(found, "", fields)
		}
	}
	return found
}

func flatten(found map[string]string, name string, value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		found[name] = fmt.Sprint(value)
		return
	}
	for inner, value := range fields {
		path := strings.TrimPrefix(name+"."+inner, ".")
		flatten(found, path, value)
		found[name] = found[path]
	}
}

// TestAPluginsEnvironmentTurnsItsDebugLogOn runs the page's commands. The environment of its Vault asks for the debug
// log too, which is therefore first turned off in the same way.
func TestAPluginsEnvironmentTurnsItsDebugLogOn(t *testing.T) {
	_, block, ok := strings.Cut(auditPage(t), "```sh not-run: another test runs it, with its own checksum\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```")
	onEach(t, func(t *testing.T, s *stage) {
		if s.vault.platform.name != "vault" {
			return // The server's own variable, which asks for the debug log, wins there.
		}
		m := s.mount(t)
		sum, err := vault.SHA256(shared.plugin())
		require.NoError(t, err)
		t.Cleanup(func() {
			assert.NoError(t, s.vault.Register(context.Background(), pluginName, shared.plugin(), stampedVersion))
		})
		as := func(level string) {
			s.runAgainst(t, strings.NewReplacer("SUM", sum, "VERSION", stampedVersion, "=debug", "="+level).Replace(block))
		}
		as("info")
		m.write("keys/quiet", nil)
		as("debug")
		m.write("keys/loud", nil)
		logged := func(key string) bool {
			log, err := os.ReadFile(s.vault.LogFile())
			require.NoError(t, err)
			return regexp.MustCompile("KMS answered: .*path=keys/" + key + " ").Match(log)
		}
		require.Eventually(t, func() bool { return logged("loud") }, time.Minute, 10*time.Millisecond)
		require.False(t, logged("quiet"), "it would have been logged before the other")
	})
}
