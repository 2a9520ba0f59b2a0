package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// vaultServer is a Vault or OpenBao server with our plugin in its catalog and an audit log.
type vaultServer struct {
	*vault.Server
	settings
	platform platform
	plugins  string
}

// settings are what servers differ in. The zero value is a server on its own, on a port that the kernel picks, unsealed
// by hand.
type settings struct {
	// address is where the server listens for clients, as host:port.
	address string
	// clusterAddress is where it listens for other nodes; empty for a server on its own.
	clusterAddress string
	// joins are the addresses of all nodes of its cluster.
	joins []string
	// seal is a seal stanza for the configuration file, with any other blocks it needs.
	seal string
	// blocks are other blocks of the configuration file.
	blocks string
	// rawStorage lets the root token read and write what is stored, at sys/raw.
	rawStorage bool
	// environment is added to that of the tests.
	environment []string
}

// startVault starts a new server in the suite's folder. Its log level is trace, so that a secret would show up in the
// log.
func startVault(s *suite, p platform, name string, set settings) (*vaultServer, error) {
	v, err := newVault(s, p, name, set)
	if err != nil {
		return nil, err
	}
	s.stopsAtTheEnd(v)
	if err := v.start(); err != nil {
		return nil, err
	}
	if err := v.initialize(s); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, v.Tail())
	}
	return v, nil
}

// newVault makes a server's folders. A caller that starts it must stop it.
func newVault(s *suite, p platform, name string, set settings) (*vaultServer, error) {
	if set.address == "" {
		set.address = servers.AnyPort
	}
	home := s.folder("h") // A plugin that is killed leaves its socket there.
	v := &vaultServer{platform: p, plugins: s.plugins(), settings: set, Server: &vault.Server{
		Program: p.bin, Arguments: []string{"-log-level", "trace"}, Dir: s.folder(name), Home: home, Address: set.address,
	}}
	v.Config = v.config
	return v, v.MakeFolders()
}

// start starts the process on its earlier address and data, if it ran before. It is sealed then.
func (v *vaultServer) start() error {
	v.Environment = v.environmentOfPlugins()
	return v.Start(context.Background())
}

// launch starts the process and does not wait until it answers.
func (v *vaultServer) launch() error {
	v.Environment = v.environmentOfPlugins()
	return v.Launch()
}

// environmentOfPlugins is the server's environment, which tells its plugins to log as much as the server does.
func (v *vaultServer) environmentOfPlugins() []string {
	return append(slices.Clone(v.environment), "VAULT_LOG_LEVEL=trace")
}

// nowhere is an address that nothing connects to.
const nowhere = "127.0.0.1:1"

func (v *vaultServer) config() string {
	api, cluster, listener, storage := nowhere, nowhere, "", ""
	if v.clusterAddress != "" {
		api, cluster, listener = v.Address, v.clusterAddress, fmt.Sprintf("cluster_address = %q", v.clusterAddress)
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
raw_storage_endpoint = %t
%s
%s
%s
`, v.Storage(), filepath.Base(v.Dir), storage, v.Address, listener, api, cluster, v.plugins, v.rawStorage, v.audit(),
		v.blocks, v.seal)
}

// audit lets the docs turn on an audit log, which OpenBao by default takes only from its configuration file.
func (v *vaultServer) audit() string {
	if v.platform.name == "vault" {
		return ""
	}
	return "unsafe_allow_api_audit_creation = true"
}

// initialize makes a started server ready for the tests.
func (v *vaultServer) initialize(s *suite) error {
	ctx := context.Background()
	request := &api.InitRequest{SecretShares: 1, SecretThreshold: 1}
	if v.seal != "" {
		request = &api.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1}
	}
	made, err := v.Initialize(ctx, request)
	if made != nil {
		keys := slices.Concat(made.Keys, made.KeysB64, made.RecoveryKeys, made.RecoveryKeysB64)
		for _, secret := range append(keys, made.RootToken) {
			s.secrets.add(secret)
		}
	}
	if err != nil {
		return err
	}
	// OpenBao takes audit devices only from its configuration file, unless that allows other ways.
	if v.platform.name == "vault" {
		if err := v.EnableAudit(ctx); err != nil {
			return err
		}
	}
	return v.Register(ctx, pluginName, s.plugin(), stampedVersion)
}

// restart stops the server and starts it again, sealed.
func (v *vaultServer) restart() error {
	if err := v.Stop(); err != nil {
		return err
	}
	return v.start()
}

// Kill kills the server and its plugins with SIGKILL, as if its machine had gone. The plugins of a server that is
// killed alone would go on.
func (v *vaultServer) Kill() {
	programs, _ := filepath.Glob(filepath.Join(v.plugins, "*"))
	var started []int
	for _, program := range programs {
		pids, _ := v.children(program)
		started = append(started, pids...)
	}
	v.Server.Kill()
	for _, pid := range started {
		_ = syscall.Kill(pid, syscall.SIGKILL) // It may have ended with its server.
	}
}
