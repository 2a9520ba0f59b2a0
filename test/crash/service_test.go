package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// build builds the binary under test as it ships: without the race detector, which would change its timing.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "alicloudkms")
	require.NoError(t, servers.Build(t.Context(), "../..", "alicloudkms", binary, "crash"))
	return binary
}

// site is the folder of a service: its configuration, its store, and what a client needs to know about it.
type site struct {
	binary, dir string
	dev         *server.DevConfig
}

// configText is a configuration with the SM algorithms. The writers would soon reach the limits, which are lifted.
const configText = `
sm = true
listener {
  address       = "127.0.0.1:0"
  tls_cert_file = %q
  tls_key_file  = %q
}
storage  { path = %q }
root_key { file = %q }
audit    { file = %q }
account %q {
  access_key %q { secret_file = %q }
}
`

// newSite makes everything but the store itself, with the files of a development service.
func newSite(t *testing.T, binary string) *site {
	t.Helper()
	s := &site{binary: binary, dir: t.TempDir()}
	var err error
	s.dev, err = server.NewDevConfig(s.dir, "127.0.0.1:0")
	require.NoError(t, err)
	c := s.dev.Config
	key := c.Accounts[0].AccessKeys[0]
	text := fmt.Sprintf(configText, c.Listener.TLSCertFile, c.Listener.TLSKeyFile, c.Storage.Path, c.RootKey.File,
		c.Audit.File,
		c.Accounts[0].ID, key.ID, key.SecretFile)
	require.NoError(t, os.WriteFile(s.file("config.hcl"), []byte(text+servers.WithoutLimits), 0o600))
	return s
}

func (s *site) file(name string) string { return filepath.Join(s.dir, name) }

// check walks the store with the operator's own tool, while no process has it open.
func (s *site) check(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), s.binary, "check", "-config", s.file("config.hcl")).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// service is a process of the KMS service.
type service struct {
	*servers.Process
	site    *site
	address string // Set once the service is ready.
}

// launch starts a process without waiting until it is ready.
func (s *site) launch(t *testing.T) *service {
	t.Helper()
	p, err := servers.Start(exec.Command(s.binary, "server", "-config", s.file("config.hcl")), s.file("log"))
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return &service{Process: p, site: s}
}

// start starts a process and waits until it is ready.
func (s *site) start(t *testing.T) *service {
	t.Helper()
	p := s.launch(t)
	var err error
	p.address, err = servers.AwaitKMS(p.Process)
	require.NoError(t, err)
	return p
}

// dial returns a client that tries each request once: after a second attempt, the outcome of the first would be
// unclear.
func (s *service) dial(t *testing.T) *client.Client {
	t.Helper()
	return s.site.dial(t, s.address, nil)
}

// dial returns a client of a service that listens at an address. The clock is the client's.
func (s *site) dial(t *testing.T, address string, clock func() time.Time) *client.Client {
	t.Helper()
	ca, err := os.ReadFile(s.dev.CAFile)
	require.NoError(t, err)
	c, err := client.New(client.Config{
		Endpoint: address, CACert: string(ca), MaxRetries: -1, RequestTimeout: time.Minute, Clock: clock,
		Credentials: client.Static{AccessKeyID: s.dev.AccessKeyID, AccessKeySecret: s.dev.AccessKeySecret},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
