package clients

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

const (
	plugin  = "vault-plugin-secrets-alicloudkms"
	version = "v0.2.0-clients"
	// mount is where the engine is mounted.
	mount = "alicloudkms"
)

// server is a running Vault or OpenBao with the engine mounted and configured.
type server struct {
	name, program string
	address       string
	client        *api.Client

	vault *vault.Server
	kms   *servers.KMS
}

// running are the servers that all tests share. TestMain sets it before any test runs.
var running []*server

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// run starts the servers, runs the tests and stops the servers. It fails if one does not stop cleanly.
func run(m *testing.M) (status int, err error) {
	all := []*server{
		{name: "vault", program: os.Getenv("VAULT_BIN")},
		{name: "openbao", program: os.Getenv("BAO_BIN")},
	}
	running = slices.DeleteFunc(all, func(s *server) bool { return s.program == "" })
	servers.ClearEnvironment()
	dir, err := os.MkdirTemp("", "clients-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sigstorePlugins = filepath.Join(dir, "sigstore")
	for _, s := range running {
		defer func() { err = errors.Join(err, s.stop()) }()
		if err := s.start(filepath.Join(dir, s.name)); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// start starts the server and a KMS service of its own, with new data in dir.
func (s *server) start(dir string) (err error) {
	ctx := context.Background()
	s.kms = &servers.KMS{Program: filepath.Join(dir, "alicloudkms"), Dir: filepath.Join(dir, "kms")}
	ours := vault.Plugin{Name: plugin, File: filepath.Join(dir, "plugins", plugin), Version: version}
	if err := servers.Build(ctx, "../..", "alicloudkms", s.kms.Program, version); err != nil {
		return err
	}
	if err := servers.Build(ctx, "../..", plugin, ours.File, version); err != nil {
		return err
	}
	if err := s.kms.Start(); err != nil {
		return err
	}
	if s.vault, err = vault.StartSingle(ctx, s.program, dir, ours); err != nil {
		return err
	}
	s.address, s.client = "http://"+s.vault.Address, s.vault.Client
	return s.mount()
}

func (s *server) mount() error {
	if err := s.client.Sys().Mount(mount, &api.MountInput{Type: plugin}); err != nil {
		return err
	}
	_, err := s.client.Logical().Write(mount+"/config", s.kms.EngineConfig())
	return err
}

// stop stops what was started.
func (s *server) stop() error {
	if s.vault == nil {
		return s.kms.Stop()
	}
	return errors.Join(s.vault.Stop(), s.kms.Stop())
}

// onEach runs test once on every server.
func onEach(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	if len(running) == 0 {
		const why = "no Vault to test on: set VAULT_BIN to a Vault binary, or run make test"
		if os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	for _, s := range running {
		t.Run(s.name, func(t *testing.T) { test(t, s) })
	}
}

// newName returns a name for a key that no other test has.
func newName() string { return "k-" + strings.ToLower(rand.Text()[:8]) }

// newKey makes a key and returns its name.
func (s *server) newKey(t *testing.T, fields map[string]any) string {
	t.Helper()
	name := newName()
	_, err := s.client.Logical().Write(mount+"/keys/"+name, fields)
	require.NoError(t, err)
	return name
}

// setEnvironment sets what users give their programs: the server's address and a token.
func (s *server) setEnvironment(t *testing.T) {
	t.Helper()
	t.Setenv("VAULT_ADDR", s.address)
	t.Setenv("VAULT_TOKEN", s.client.Token())
}

// newToken returns a token that may do only these operations with a key.
func (s *server) newToken(t *testing.T, key string, operations ...string) string {
	t.Helper()
	rules := ""
	for _, operation := range operations {
		rules += fmt.Sprintf("path \"%s/%s/%s\" { capabilities = [\"update\"] }\n", mount, operation, key)
	}
	policy := newName()
	require.NoError(t, s.client.Sys().PutPolicy(policy, rules))
	made, err := s.client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{policy}})
	require.NoError(t, err)
	return made.Auth.ClientToken
}
