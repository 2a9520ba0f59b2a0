package monitoring

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

const (
	plugin  = "vault-plugin-secrets-alicloudkms"
	version = "v0.2.0-monitoring"
	// mount is where alerts.yml and the dashboards look for the engine at first.
	mount = "alicloudkms"
)

// stage is a KMS service, a cluster of two nodes, a Vault whose engine uses the service, and a Prometheus that scrapes
// them all.
type stage struct {
	dir        string
	kms        *servers.KMS
	nodes      []*servers.Node
	vault      *vault.Server
	prometheus *prometheus
	// key is a key of the service.
	key string
}

// vaultProgram is the Vault to test on. TestMain sets it before any test runs.
var vaultProgram string

func TestMain(m *testing.M) {
	vaultProgram = os.Getenv("VAULT_BIN")
	servers.ClearEnvironment()
	os.Exit(m.Run())
}

// tool is the path of a program of Prometheus, from the folder that scripts/prometheus.sh prints.
func tool(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("PROMETHEUS_DIR")
	if folder == "" {
		missing(t, "no Prometheus: set PROMETHEUS_DIR to what scripts/prometheus.sh prints, or run scripts/monitoring.sh")
	}
	return filepath.Join(folder, name)
}

// missing skips a test, and fails it where it must run.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// newStage starts everything, until the test ends.
func newStage(t *testing.T) *stage {
	t.Helper()
	if vaultProgram == "" {
		missing(t, "no Vault to test on: set VAULT_BIN to a Vault binary, or run make test")
	}
	dir, err := os.MkdirTemp("", "monitor-") // t.TempDir has the name of the test, which is too long for a socket.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &stage{dir: dir}
	s.startKMS(t)
	s.startNodes(t)
	s.startVault(t)
	s.startPrometheus(t)
	return s
}

// instance is a KMS instance, so that there is a dedicated gateway.
const instance = `
instance "kst-monitoring" {
  kind    = "software"
  account = "1000000000000001"
  region  = "cn-hangzhou"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "tls.pem"
    tls_key_file  = "tls.key"
  }
  ca_cert_file = "ca.pem"
}
`

func (s *stage) startKMS(t *testing.T) {
	t.Helper()
	s.kms = &servers.KMS{Program: filepath.Join(s.dir, "alicloudkms"), Dir: filepath.Join(s.dir, "kms")}
	require.NoError(t, servers.Build(t.Context(), "../..", "alicloudkms", s.kms.Program, version))
	require.NoError(t, s.kms.StartConfigured(instance))
	t.Cleanup(func() { require.NoError(t, s.kms.Stop()) })
}

// startVault starts a Vault as docs/monitoring.md says: with the telemetry stanza, an audit log, and a token for
// Prometheus.
func (s *stage) startVault(t *testing.T) {
	t.Helper()
	file := filepath.Join(s.dir, "plugins", plugin)
	require.NoError(t, servers.Build(t.Context(), "../..", plugin, file, version))
	telemetry, err := filepath.Abs(filepath.Join(folder, "vault.hcl"))
	require.NoError(t, err)
	s.vault, err = vault.StartSingle(t.Context(), vaultProgram, s.dir,
		vault.Plugin{Name: plugin, File: file, Version: version}, "-config", telemetry)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.vault.Stop()) })
	require.NoError(t, s.vault.EnableAudit(t.Context()))
	s.mount(t, mount, s.kms.EngineConfig())
}

// mount mounts the engine at a path.
func (s *stage) mount(t *testing.T, path string, config map[string]any) {
	t.Helper()
	require.NoError(t, s.vault.Client.Sys().MountWithContext(t.Context(), path, &api.MountInput{Type: plugin}))
	_, err := s.vault.Client.Logical().WriteWithContext(t.Context(), path+"/config", config)
	require.NoError(t, err)
}

// listening is what Prometheus logs of its listener.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startPrometheus starts Prometheus with the files of dashboards/, and the addresses of this stage in them.
func (s *stage) startPrometheus(t *testing.T) {
	t.Helper()
	dir := filepath.Join(s.dir, "prometheus")
	s.runShell(t, dir, shellBlock(t, tokenBlock))
	config := shippedWith(t, "prometheus.yml", map[string]string{
		`"127.0.0.1:9180"`: s.targets(), "127.0.0.1:8200": s.vault.Address,
		"scrape_interval: 15s": "scrape_interval: 200ms\n  evaluation_interval: 500ms",
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alerts.yml"), shippedWith(t, "alerts.yml", nil), 0o600))
	cmd := exec.Command(tool(t, "prometheus"), "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+servers.AnyPort)
	process, err := servers.Start(cmd, dir+".log")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Stop()) })
	match, err := process.AwaitOutput(listening)
	require.NoError(t, err)
	s.prometheus = &prometheus{address: match[1]}
}

// shippedWith is a file of dashboards/ with strings replaced, each of which must be in it.
func shippedWith(t *testing.T, name string, replacements map[string]string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	replaced := string(content)
	for old, now := range replacements {
		require.Contains(t, replaced, old)
		replaced = strings.ReplaceAll(replaced, old, now)
	}
	return []byte(replaced)
}

// runShell runs a script of the docs in a new folder, with the vault of this stage.
func (s *stage) runShell(t *testing.T, dir, script string) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(s.dir, "path")
	require.NoError(t, os.Mkdir(path, 0o700))
	require.NoError(t, os.Symlink(s.vault.Program, filepath.Join(path, "vault")))
	runIn(t, dir, script, "VAULT_ADDR=http://"+s.vault.Address, "VAULT_TOKEN="+s.vault.Client.Token(),
		"PATH="+path+":"+os.Getenv("PATH"))
}

// runIn runs a script of the docs in a folder.
func runIn(t *testing.T, dir, script string, environment ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// eventually waits until a check has nothing to say, and fails with what it said last.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Error(err)
}
