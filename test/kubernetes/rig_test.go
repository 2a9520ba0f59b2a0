package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// A cloud is a KMS service in a process of its own.
type cloud struct {
	*servers.KMS
	t      *testing.T
	client *client.Client
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, KMS: &servers.KMS{Program: program, Dir: filepath.Join(t.TempDir(), "kms")}}
	require.NoError(t, c.Start())
	t.Cleanup(func() { require.NoError(t, c.Stop()) })
	made, err := c.Client()
	require.NoError(t, err)
	t.Cleanup(made.Close)
	c.client = made
	return c
}

func (c *cloud) newKey() string {
	c.t.Helper()
	made, err := c.client.CreateKey(c.t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(c.t, err)
	return made.KeyMetadata.KeyId
}

func (c *cloud) rotate(key string) {
	c.t.Helper()
	_, err := c.client.CreateKeyVersion(c.t.Context(), &kmsapi.CreateKeyVersionRequest{KeyId: key})
	require.NoError(c.t, err)
}

// calls returns how often an operation was called, by the service's audit log.
func (c *cloud) calls(op kmsapi.Operation) int {
	c.t.Helper()
	log, err := os.ReadFile(filepath.Join(c.Dir, "audit.log"))
	require.NoError(c.t, err)
	return strings.Count(string(log), `"operation":"`+string(op)+`"`)
}

// A provider is a process that serves an API server.
type provider struct {
	*servers.Process
	t      *testing.T
	cloud  *cloud
	socket string
	flags  []string
}

// provide starts a provider, which asks every second which key encrypts. Its socket is in a folder with a short name,
// as sockets need it.
func (c *cloud) provide(flags ...string) *provider {
	c.t.Helper()
	dir, err := os.MkdirTemp("", "p-")
	require.NoError(c.t, err)
	p := &provider{t: c.t, cloud: c, socket: filepath.Join(dir, "kms.sock"), flags: flags}
	p.start()
	c.t.Cleanup(func() {
		require.NoError(c.t, p.Stop())
		p.hasKeptSecrets()
		require.NoError(c.t, os.RemoveAll(dir))
	})
	return p
}

// hasKeptSecrets fails if the log has the secret of the access key, or a plaintext of the test.
func (p *provider) hasKeptSecrets() {
	p.t.Helper()
	log, err := os.ReadFile(p.Log())
	require.NoError(p.t, err)
	require.NotContains(p.t, string(log), p.cloud.Exports["ALICLOUD_SECRET_KEY"])
	require.NotContains(p.t, string(log), "password")
}

func (p *provider) command(flags ...string) *exec.Cmd {
	cmd := exec.Command(program, append([]string{"kms-provider", "-env", p.cloud.Dir + ".env"}, flags...)...)
	cmd.Env = []string{"HOME=" + p.t.TempDir()}
	return cmd
}

var serves = regexp.MustCompile(`msg=ready socket=`)

func (p *provider) start() {
	p.t.Helper()
	cmd := p.command(append([]string{"-listen", "unix://" + p.socket, "-interval", "1s"}, p.flags...)...)
	process, err := servers.Start(cmd, p.socket+".log")
	require.NoError(p.t, err)
	p.Process = process
	_, err = process.AwaitOutput(serves)
	require.NoError(p.t, err)
}

// eventually waits for something that takes a provider seconds.
func eventually(t *testing.T, happened func() bool, what string) {
	t.Helper()
	require.Eventually(t, happened, 2*time.Minute, 50*time.Millisecond, what)
}
