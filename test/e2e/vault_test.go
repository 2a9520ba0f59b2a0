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
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/vault/api"
)

// vaultServer is a Vault or OpenBao process with raft storage, initialized, unsealed, with our plugin in its catalog and
// an audit log.
type vaultServer struct {
	*process
	settings
	platform platform
	dir      string
	// home is also for temporary files. A plugin that is killed leaves its socket there.
	home      string
	plugins   string
	client    *api.Client
	unsealKey string // empty if a seal unseals it
	// recoveryKey is what takes the place of unsealKey then.
	recoveryKey string
}

// settings are what servers differ in. The zero value is a server on its own, on a port that the kernel picks, unsealed by
// hand.
type settings struct {
	// address is where it listens for clients, as host:port.
	address string
	// clusterAddress is where it listens for other nodes. Empty means that there are none.
	clusterAddress string
	// joins are the addresses of all nodes of its cluster.
	joins []string
	// seal is a seal stanza for the configuration file, with what belongs to it there.
	seal string
	// environment is what the process gets besides that of the tests.
	environment []string
}

// startVault starts a new server in the suite's folder. Its log tells everything, so that a secret would be seen in it.
func startVault(s *suite, p platform, name string, set settings) (*vaultServer, error) {
	v, err := newVault(s, p, name, set)
	if err != nil {
		return nil, err
	}
	s.started = append(s.started, v)
	if err := v.start(); err != nil {
		return nil, err
	}
	if err := v.initialize(s); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, v.tail())
	}
	return v, nil
}

// newVault makes a server's folders. Who starts it must stop it.
func newVault(s *suite, p platform, name string, set settings) (*vaultServer, error) {
	// A short name, because a plugin's socket lies in it.
	home := s.folder("h")
	v := &vaultServer{platform: p, dir: s.folder(name), home: home, plugins: s.plugins(), settings: set}
	if v.address == "" {
		v.address = anyPort
	}
	for _, dir := range []string{v.dir, filepath.Join(v.dir, "raft"), v.home} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// start starts the process, on the address and with the data of before if it has run. It is sealed then.
func (v *vaultServer) start() error {
	if err := v.launch(); err != nil {
		return err
	}
	if err := v.waitUntil(v.findAddress); err != nil {
		return err
	}
	if err := v.connect(); err != nil {
		return err
	}
	return v.waitUntil(func() bool { _, err := v.client.Sys().SealStatus(); return err == nil })
}

func (v *vaultServer) logFile() string { return v.dir + ".log" }

// launch starts the process and waits for nothing.
func (v *vaultServer) launch() error {
	config := filepath.Join(v.dir, configFile)
	if err := os.WriteFile(config, []byte(v.config()), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(v.platform.bin, "server", "-config", config, "-log-level", "trace")
	cmd.Env = append(os.Environ(), "HOME="+v.home, "TMPDIR="+v.home)
	cmd.Env = append(cmd.Env, v.environment...)
	var err error
	v.process, err = startProcess(cmd, v.logFile())
	return err
}

const (
	configFile = "server.hcl"
	anyPort    = "127.0.0.1:0"
	// nowhere is the address of what nobody ever connects to.
	nowhere = "127.0.0.1:1"
)

func (v *vaultServer) config() string {
	api, cluster, listener, storage := nowhere, nowhere, "", ""
	if v.clusterAddress != "" {
		api, cluster, listener = v.address, v.clusterAddress, fmt.Sprintf("cluster_address = %q", v.clusterAddress)
		storage = "  autopilot_update_interval = \"500ms\"\n  autopilot_reconcile_interval = \"1s\"\n"
	}
	for _, node := range v.joins {
		storage += fmt.Sprintf("  retry_join { leader_api_addr = %q }\n", "http://"+node)
	}
	return fmt.Sprintf(`
storage "raft" {
  path = %q
  node_id = %q
  performance_multiplier = 1
%s}
listener "tcp" {
  address = %q
  tls_disable = true
  %s
}
api_addr = "http://%s"
cluster_addr = "https://%s"
plugin_directory = %q
disable_mlock = true
%s
`, filepath.Join(v.dir, "raft"), filepath.Base(v.dir), storage, v.address, listener, api, cluster, v.plugins, v.seal)
}

// clusterAddressInBanner tells the port. Beside it stands the address that the listener was told, which may end in 0; this
// one is made of the port that was really bound, plus one.
var clusterAddressInBanner = regexp.MustCompile(`cluster address: "127\.0\.0\.1:(\d+)"`)

// findAddress finds out which port the kernel has picked, at the first start.
func (v *vaultServer) findAddress() bool {
	if v.address != anyPort {
		return true
	}
	text, err := os.ReadFile(v.log)
	if err != nil {
		return false
	}
	match := clusterAddressInBanner.FindSubmatch(text)
	if match == nil {
		return false
	}
	port, err := strconv.Atoi(string(match[1]))
	if err != nil {
		return false
	}
	v.address = fmt.Sprintf("127.0.0.1:%d", port-1)
	return true
}

// connect makes the client at the first start. It stays the same for good, so that it can be used while the server restarts.
func (v *vaultServer) connect() (err error) {
	if v.client != nil {
		return nil
	}
	config := api.DefaultConfig()
	config.Address = "http://" + v.address
	// A retry would hide what is tested.
	config.MaxRetries = 0
	config.Timeout = 60 * time.Second
	v.client, err = api.NewClient(config)
	return err
}

// initialize makes a started server one that is ready for the tests.
func (v *vaultServer) initialize(s *suite) error {
	request := &api.InitRequest{SecretShares: 1, SecretThreshold: 1}
	if v.seal != "" {
		request = &api.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1}
	}
	made, err := v.client.Sys().Init(request)
	if err != nil {
		return err
	}
	for _, secret := range slices.Concat(made.Keys, made.KeysB64, made.RecoveryKeys, made.RecoveryKeysB64, []string{made.RootToken}) {
		s.secrets.add(secret)
	}
	if len(made.Keys) > 0 {
		v.unsealKey = made.Keys[0]
	}
	if len(made.RecoveryKeys) > 0 {
		v.recoveryKey = made.RecoveryKeys[0]
	}
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
	return v.register(s.plugin(), stampedVersion)
}

// unseal returns once the server is active.
func (v *vaultServer) unseal() error {
	if v.unsealKey != "" {
		if _, err := v.client.Sys().Unseal(v.unsealKey); err != nil {
			return err
		}
	}
	return v.waitUntil(v.isActive)
}

func (v *vaultServer) isActive() bool {
	health, err := v.client.Sys().Health()
	return err == nil && health.Initialized && !health.Sealed && !health.Standby
}

// restart stops the server and starts it again, sealed.
func (v *vaultServer) restart() error {
	if err := v.stop(); err != nil {
		return err
	}
	return v.start()
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

// kill is kill -9 of the server and of the plugins that it has started, as if its machine had gone. Those of a server that is
// killed alone would stay.
func (v *vaultServer) kill() {
	programs, _ := filepath.Glob(filepath.Join(v.plugins, "*"))
	var started []int
	for _, program := range programs {
		pids, _ := v.children(program)
		started = append(started, pids...)
	}
	v.process.kill()
	for _, pid := range started {
		_ = syscall.Kill(pid, syscall.SIGKILL) // It may have ended with its server.
	}
}
