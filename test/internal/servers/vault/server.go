// Package vault starts Vault and OpenBao servers as in production: they have raft storage, are initialized and
// unsealed, and know plugins by their checksums.
package vault

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// Server is a Vault or OpenBao server.
type Server struct {
	*servers.Process
	// Program is the vault or bao binary, and Arguments follow `server -config FILE`.
	Program   string
	Arguments []string
	// Environment is added to the environment of this process.
	Environment []string
	// OwnGroup makes the process lead a process group, which its plugins belong to.
	OwnGroup bool
	// Dir holds the configuration file and the storage. The log is Dir.log, and the audit log Dir.audit.log.
	Dir string
	// Home is HOME and TMPDIR of the process. A plugin's socket is in it, so its path must be short.
	Home string
	// Config returns the configuration file, at each start.
	Config func() string

	// Address is host:port. The first start replaces port 0 with one that is held for this process, so that a restart gets
	// it again.
	Address string
	// CAFile is the authority of the listener's certificate; without one the listener speaks plain HTTP.
	CAFile string
	// Client is made at the first start and stays the same, so that it can be used while the server restarts.
	Client *api.Client
	// UnsealKey is empty if a seal unseals the server, which has a RecoveryKey then.
	UnsealKey, RecoveryKey string
}

// ConfigFile is the name of the configuration file in Dir.
const ConfigFile = "server.hcl"

// Storage is the folder for raft storage.
func (s *Server) Storage() string { return filepath.Join(s.Dir, "raft") }

// LogFile is the path of the log, which exists once the server was started.
func (s *Server) LogFile() string { return s.Dir + ".log" }

// MakeFolders makes the folders that the server needs.
func (s *Server) MakeFolders() error {
	for _, dir := range []string{s.Storage(), s.Home} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Launch starts the process and does not wait until it is ready.
func (s *Server) Launch() (err error) {
	if err := s.pickAddress(); err != nil {
		return err
	}
	config := filepath.Join(s.Dir, ConfigFile)
	if err := os.WriteFile(config, []byte(s.Config()), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(s.Program, append([]string{"server", "-config", config}, s.Arguments...)...)
	cmd.Env = append(os.Environ(), "HOME="+s.Home, "TMPDIR="+s.Home)
	cmd.Env = append(cmd.Env, s.Environment...)
	if s.OwnGroup {
		servers.OwnGroup(cmd)
	}
	s.Process, err = servers.Start(cmd, s.LogFile())
	return err
}

// Start starts the process and waits until it answers. The server is then sealed, unless a seal unseals it.
func (s *Server) Start(ctx context.Context) error {
	if err := s.Launch(); err != nil {
		return err
	}
	if err := s.connect(); err != nil {
		return err
	}
	return s.await(ctx, func() bool { _, err := s.Client.Sys().SealStatusWithContext(ctx); return err == nil })
}

func (s *Server) pickAddress() error {
	if s.Address != servers.AnyPort {
		return nil
	}
	address, _, err := heldport.Hold()
	if err == nil {
		s.Address = address
	}
	return err
}

func (s *Server) connect() (err error) {
	if s.Client != nil {
		return nil
	}
	config := api.DefaultConfig()
	config.Address = "http://" + s.Address
	if s.CAFile != "" {
		config.Address = "https://" + s.Address
		if err := config.ConfigureTLS(&api.TLSConfig{CACert: s.CAFile}); err != nil {
			return err
		}
	}
	config.MaxRetries = 0 // A retry would hide what is tested.
	config.Timeout = time.Minute
	s.Client, err = api.NewClient(config)
	return err
}

// await is Await that ends with ctx too.
func (s *Server) await(ctx context.Context, ready func() bool) error {
	if err := s.Await(func() bool { return ctx.Err() != nil || ready() }); err != nil {
		return err
	}
	return context.Cause(ctx)
}
