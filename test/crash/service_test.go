package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// build builds the binary under test as it is shipped: without the race detector, which would change the timing.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "alicloudkms")
	out, err := exec.Command("go", "build", "-o", binary, "../../cmd/alicloudkms").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// site is the folder of a service with its configuration, and what a client needs to know about it.
type site struct {
	binary, dir string
	dev         *server.Dev
}

// configText is a configuration without limits, which the writers would soon reach.
const configText = `
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
quotas {
  keys    = -1
  aliases = -1
}
rate_limits {
  crypto     = -1
  create_key = -1
  write      = -1
  read       = -1
  list_tags  = -1
}
`

// newSite creates everything except the store, with the files of a development service.
func newSite(t *testing.T, binary string) *site {
	t.Helper()
	s := &site{binary: binary, dir: t.TempDir()}
	var err error
	s.dev, err = server.NewDev(s.dir, "127.0.0.1:0")
	require.NoError(t, err)
	c := s.dev.Config
	key := c.Accounts[0].AccessKeys[0]
	text := fmt.Sprintf(configText, c.Listener.TLSCertFile, c.Listener.TLSKeyFile, c.Storage.Path, c.RootKey.File,
		c.Audit.File,
		c.Accounts[0].ID, key.ID, key.SecretFile)
	require.NoError(t, os.WriteFile(s.file("config.hcl"), []byte(text), 0o600))
	return s
}

func (s *site) file(name string) string { return filepath.Join(s.dir, name) }

// logTail returns the end of the processes' log.
func (s *site) logTail() string {
	const most = 4000
	text, err := os.ReadFile(s.file("log"))
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text[max(0, len(text)-most):])
}

// check runs the operator's own tool on the store, which no process has open.
func (s *site) check(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), s.binary, "check", "-config", s.file("config.hcl")).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// service is a process of the KMS service.
type service struct {
	site    *site
	cmd     *exec.Cmd
	ended   chan struct{} // Closed when the process has exited.
	address string        // Set once the service is ready.
}

// launch starts a process without waiting until it is ready.
func (s *site) launch(t *testing.T) *service {
	t.Helper()
	log, err := os.Create(s.file("log"))
	require.NoError(t, err)
	defer log.Close()
	p := &service{
		site: s, cmd: exec.Command(s.binary, "server", "-config", s.file("config.hcl")),
		ended: make(chan struct{}),
	}
	p.cmd.Stderr = log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // It is killed, or its log says why it exited.
	}()
	t.Cleanup(p.kill)
	return p
}

const (
	startTime = 30 * time.Second
	pollEvery = 2 * time.Millisecond
)

// ready matches the log line with the address on which the service listens.
var ready = regexp.MustCompile(`msg=ready address=(\S+)`)

// start starts a process and waits until it is ready.
func (s *site) start(t *testing.T) *service {
	t.Helper()
	p := s.launch(t)
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		if found := ready.FindStringSubmatch(s.logTail()); found != nil {
			p.address = found[1]
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("the service has exited on its own:\n%s", s.logTail())
		case <-time.After(pollEvery):
		}
	}
	t.Fatalf("the service is not ready after %s:\n%s", startTime, s.logTail())
	return nil
}

// kill is kill -9. It may be called again for a dead process.
func (s *service) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// dial returns a client that tries each request once: after a second attempt, the outcome of the first would be
// unclear.
func (s *service) dial(t *testing.T) *client.Client {
	t.Helper()
	ca, err := os.ReadFile(s.site.dev.CAFile)
	require.NoError(t, err)
	c, err := client.New(client.Config{
		Endpoint: s.address, CACert: string(ca), MaxRetries: -1,
		Credentials: client.Static{AccessKeyID: s.site.dev.AccessKeyID, AccessKeySecret: s.site.dev.AccessKeySecret},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
