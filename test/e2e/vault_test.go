package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"
)

// vaultServer is a Vault or OpenBao process with raft storage, initialized, unsealed, with our plugin in its catalog and
// an audit log.
type vaultServer struct {
	*process
	platform  platform
	dir       string
	address   string // host:port
	client    *api.Client
	unsealKey string
}

// startVault starts a new server in the suite's folder. Its log tells everything, so that a secret would be seen in it.
func startVault(s *suite, p platform, name string) (*vaultServer, error) {
	v := &vaultServer{platform: p, dir: filepath.Join(s.dir, name), address: "127.0.0.1:0"}
	for _, dir := range []string{v.dir, filepath.Join(v.dir, "raft"), filepath.Join(v.dir, "home")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	s.started = append(s.started, v)
	if err := v.start(s.plugins()); err != nil {
		return nil, err
	}
	if err := v.initialize(s.plugin()); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, v.tail())
	}
	return v, nil
}

// start starts the process, on the address and with the data of before if it has run. It is sealed then.
func (v *vaultServer) start(plugins string) error {
	config := filepath.Join(v.dir, "config.hcl")
	if err := os.WriteFile(config, []byte(v.config(plugins)), 0o600); err != nil {
		return err
	}
	log := v.dir + ".log"
	from := fileSize(log)
	cmd := exec.Command(v.platform.bin, "server", "-config", config, "-log-level", "trace")
	// A plugin that is killed leaves its socket in the temporary folder.
	home := filepath.Join(v.dir, "home")
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home)
	var err error
	if v.process, err = startProcess(cmd, log); err != nil {
		return err
	}
	if err := v.waitUntil(func() bool { return v.findAddress(from) }); err != nil {
		return err
	}
	return v.waitUntil(func() bool { _, err := v.client.Sys().SealStatus(); return err == nil })
}

func (v *vaultServer) config(plugins string) string {
	return fmt.Sprintf(`
storage "raft" {
  path = %q
  node_id = "one"
  performance_multiplier = 1
}
listener "tcp" {
  address = %q
  tls_disable = true
}
# It is the only node, so nobody ever connects to these two.
api_addr = "http://127.0.0.1:1"
cluster_addr = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock = true
`, filepath.Join(v.dir, "raft"), v.address, plugins)
}

// clusterAddress is in the banner. Beside it stands the address that the listener was told, which may end in 0; this one
// is made of the port that was really bound, plus one.
var clusterAddress = regexp.MustCompile(`cluster address: "127\.0\.0\.1:(\d+)"`)

func (v *vaultServer) findAddress(from int64) bool {
	text, err := os.ReadFile(v.log)
	if err != nil {
		return false
	}
	match := clusterAddress.FindSubmatch(text[from:])
	if match == nil {
		return false
	}
	port, err := strconv.Atoi(string(match[1]))
	if err != nil {
		return false
	}
	v.address = fmt.Sprintf("127.0.0.1:%d", port-1)
	config := api.DefaultConfig()
	config.Address = "http://" + v.address
	// A retry would hide what is tested.
	config.MaxRetries = 0
	config.Timeout = 60 * time.Second
	token := ""
	if v.client != nil {
		token = v.client.Token()
	}
	v.client, err = api.NewClient(config)
	if err != nil {
		return false
	}
	v.client.SetToken(token)
	return true
}

func (v *vaultServer) initialize(plugin string) error {
	made, err := v.client.Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		return err
	}
	v.unsealKey = made.Keys[0]
	v.client.SetToken(made.RootToken)
	if err := v.unseal(); err != nil {
		return err
	}
	// OpenBao takes audit devices from its configuration file only, unless it is told otherwise.
	if v.platform.name == "vault" {
		err := v.client.Sys().EnableAuditWithOptions("file", &api.EnableAuditOptions{
			Type: "file", Options: map[string]string{"file_path": v.dir + ".audit.log"},
		})
		if err != nil {
			return err
		}
	}
	return v.register(plugin, stampedVersion)
}

// unseal returns once the server is active.
func (v *vaultServer) unseal() error {
	if _, err := v.client.Sys().Unseal(v.unsealKey); err != nil {
		return err
	}
	return v.waitUntil(func() bool {
		health, err := v.client.Sys().Health()
		return err == nil && !health.Sealed && !health.Standby
	})
}

// restart stops the server and starts it again, sealed.
func (v *vaultServer) restart(plugins string) error {
	if err := v.stop(); err != nil {
		return err
	}
	return v.start(plugins)
}

// register puts the plugin into the catalog, by checksum.
func (v *vaultServer) register(plugin, version string) error {
	sum, err := sha256Of(plugin)
	if err != nil {
		return err
	}
	return v.client.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name: pluginName, Type: api.PluginTypeSecrets, Command: filepath.Base(plugin), SHA256: sum, Version: version,
	})
}

func sha256Of(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
