package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// site is a service with a configuration file.
type site struct {
	t    *testing.T
	dir  string
	file string
	// text is the file's content.
	text    string
	server  *server.Server
	reloads []error
}

// newSite starts a service with valid files.
func newSite(t *testing.T) *site {
	t.Helper()
	s := newFiles(t)
	require.NoError(t, s.start())
	t.Cleanup(func() { require.NoError(t, s.server.Close()) })
	return s
}

// newFiles makes the files of a service: those of a development service, and a configuration file.
func newFiles(t *testing.T) *site {
	t.Helper()
	dir := shortDir(t)
	dev, err := server.NewDevConfig(dir, "127.0.0.1:0")
	require.NoError(t, err)
	s := &site{t: t, dir: dir, file: filepath.Join(dir, "kms.hcl")}
	s.secret("one", 0o600)
	s.write(strings.NewReplacer("DIR", dir, "CERT", dev.Config.Listener.TLSCertFile).Replace(`listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "CERT"
  tls_key_file  = "DIR/tls.key"
}
storage  { path = "DIR/kms.db" }
root_key { file = "DIR/root.key" }
account "1" {
  access_key "LTAIone" { secret_file = "DIR/one" }
}
instance "kst-dev" {
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "DIR/kst-dev.pem"
    tls_key_file  = "DIR/kst-dev.key"
  }
}
operations { address = "127.0.0.1:0" }
`))
	return s
}

// start starts the service. The caller must close it.
func (s *site) start() error {
	c, err := server.LoadConfig(s.file)
	if err == nil {
		s.server, err = server.Start(c, server.Options{Reloaded: func(err error) { s.reloads = append(s.reloads, err) }})
	}
	return err
}

func (s *site) write(text string) {
	s.t.Helper()
	s.text = text
	require.NoError(s.t, os.WriteFile(s.file, []byte(text), 0o600))
}

// edit replaces part of the configuration file.
func (s *site) edit(old, changed string) {
	s.t.Helper()
	edited := strings.Replace(s.text, old, changed, 1)
	require.NotEqual(s.t, s.text, edited)
	s.write(edited)
}

// secret writes the file of an access key's secret.
func (s *site) secret(name string, mode os.FileMode) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(s.t, os.WriteFile(path, []byte("secret of "+name), 0o600))
	require.NoError(s.t, os.Chmod(path, mode))
}

// in returns s for a subtest.
func (s *site) in(t *testing.T) *site {
	s.t = t
	return s
}

func (s *site) healthz() string {
	status, text := observe(s.t, s.server.OpsAddress(), "GET", "/healthz")
	require.Equal(s.t, 200, status)
	return text
}
