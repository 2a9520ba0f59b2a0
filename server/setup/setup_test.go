package setup_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// newDir returns the path of a folder that does not exist. It is short enough for a socket in the folder.
func newDir(t *testing.T) string {
	t.Helper()
	above, err := os.MkdirTemp("", "init-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(above)) })
	return filepath.Join(above, "kms")
}

// initialize makes a service, and fails the test if it can't.
func initialize(t *testing.T, o setup.Options) setup.Made {
	t.Helper()
	if o.Dir == "" {
		o.Dir = newDir(t)
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	made, err := setup.Init(o)
	require.NoError(t, err)
	return made
}

// read returns the content of each file in dir that Init has made.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "kms.db") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(content)
	}
	return files
}

func TestANewServiceServesItsAccessKeyOnAllItsNames(t *testing.T) {
	_, port, err := net.SplitHostPort(heldport.For(t))
	require.NoError(t, err)
	made := initialize(t, setup.Options{Listen: "127.0.0.1:" + port})
	c, err := server.LoadConfig(made.ConfigFile)
	require.NoError(t, err)
	s, err := server.Start(c, server.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()

	files := read(t, made.Dir)
	for _, endpoint := range []string{made.Endpoint, "localhost:" + port, "127.0.0.1:" + port} {
		c, err := client.New(client.Config{
			Endpoint: endpoint, Region: made.Region, CACert: files["ca.pem"],
			Credentials: client.Static(signature.Credentials{
				AccessKeyID: made.AccessKeyID, AccessKeySecret: kmsapi.NewSecret(strings.TrimSpace(files["admin.secret"])),
			}),
		})
		require.NoError(t, err)
		defer c.Close()
		_, err = c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
		require.NoError(t, err, endpoint)
	}
}

// certificate parses the first certificate in a PEM file.
func certificate(t *testing.T, content string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(content))
	require.NotNil(t, block)
	c, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return c
}

// accepts verifies the certificate in files as a client that connects to host does.
func accepts(t *testing.T, files map[string]string, host string, at time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(certificate(t, files["ca.pem"]))
	_, err := certificate(t, files["tls.pem"]).Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: at})
	return err
}

func TestTheCertificateIsForTheHosts(t *testing.T) {
	name, err := os.Hostname()
	require.NoError(t, err)
	for _, tc := range []struct {
		hosts, accepted, refused []string
		listen, endpoint, config string
	}{
		{
			accepted: []string{"localhost", "127.0.0.1", "::1", name}, refused: []string{"kms.example.com", "127.0.0.2"},
			endpoint: "127.0.0.1:8443", config: "127.0.0.1:8443",
		},
		{
			hosts:    []string{"KMS.example.com", "10.0.0.5", "kms.example.com"},
			accepted: []string{"kms.example.com", "10.0.0.5"}, refused: []string{"localhost", "127.0.0.1", "example.com"},
			endpoint: "kms.example.com:8443", config: ":8443",
		},
		{
			hosts: []string{"localhost", "127.0.0.3"}, accepted: []string{"localhost", "127.0.0.3"},
			endpoint: "localhost:8443", config: "127.0.0.1:8443",
		},
		{
			hosts: []string{"kms_1"}, listen: "10.0.0.5:9000", accepted: []string{"kms_1"}, refused: []string{"10.0.0.5"},
			endpoint: "kms_1:9000", config: "10.0.0.5:9000",
		},
		{
			listen: "[2001:db8::5]:9000", accepted: []string{"localhost", "2001:db8::5"},
			endpoint: "[2001:db8::5]:9000", config: "[2001:db8::5]:9000",
		},
		{
			listen: "0.0.0.0:9000", accepted: []string{"localhost", "127.0.0.1"}, refused: []string{"0.0.0.0"},
			endpoint: "127.0.0.1:9000", config: "0.0.0.0:9000",
		},
	} {
		now := time.Now()
		made := initialize(t, setup.Options{Hosts: tc.hosts, Listen: tc.listen, Now: now})
		require.Equal(t, tc.endpoint, made.Endpoint)
		c, err := server.LoadConfig(made.ConfigFile)
		require.NoError(t, err)
		require.Equal(t, tc.config, c.Listener.Address)
		files := read(t, made.Dir)
		for _, host := range tc.accepted {
			require.NoError(t, accepts(t, files, host, now))
			require.Contains(t, made.Hosts, host)
			require.NoError(t, accepts(t, files, host, made.Expires))
			require.Error(t, accepts(t, files, host, made.Expires.Add(time.Second)))
		}
		for _, host := range tc.refused {
			require.Error(t, accepts(t, files, host, now), host)
		}
	}
}

func TestHostsThatAreNoneAreRefusedAndLeaveNothing(t *testing.T) {
	for message, hosts := range map[string][]string{
		"this is neither a DNS name nor an IP address": {
			"", "a b", "\x1b[2J", "kms.example.com.", "*.example.com", "köln.example.com", "10.0.0.256", "[::1]", "-kms",
			strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a",
		},
		"give the host alone, without scheme and port": {
			"https://kms", "https://kms:8443/", "kms:8443", "[::1]:8443",
		},
		"a certificate can't have an address with a zone":                   {"fe80::1%eth0"},
		"clients can't connect to it; -listen is where the service listens": {"0.0.0.0", "::"},
	} {
		for _, host := range hosts {
			dir := newDir(t)
			_, err := setup.Init(setup.Options{Dir: dir, Hosts: []string{"localhost", host}, Now: time.Now()})
			require.EqualError(t, err, fmt.Sprintf("host %q: %s", host, message))
			require.NoDirExists(t, dir)
		}
	}
}

func TestOptionsThatAreWrongAreRefusedAndLeaveNothing(t *testing.T) {
	for want, o := range map[string]setup.Options{
		`listen "8443": this is not host:port; for all addresses of this machine, give :8443`: {Listen: "8443"},
		`listen "127.0.0.1:0": the port is a number from 1 to 65535`:                          {Listen: "127.0.0.1:0"},
		`listen "127.0.0.1:https": the port is a number from 1 to 65535`:                      {Listen: "127.0.0.1:https"},
		`listen "a\nb:8443": this is neither a DNS name nor an IP address`:                    {Listen: "a\nb:8443"},
		`account "acme": an account's id is a number`:                                         {Account: "acme"},
		`region "cn-hangzou": it is not in the API reference; did you mean "cn-hangzhou"?`:    {Region: "cn-hangzou"},
		`region "${file}": it is not in the API reference; the regions are `:                  {Region: "${file}"},
	} {
		o.Dir, o.Now = newDir(t), time.Now()
		_, err := setup.Init(o)
		require.ErrorContains(t, err, want)
		require.NoDirExists(t, o.Dir)
	}
}

func TestFoldersThatAreNotSafeOrNotEmptyAreLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(t *testing.T, dir string)
		want string
	}{
		"a file in it": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), []byte("mine"), 0o600))
		}, ` is not empty, and nothing in it was changed: it has "notes"`},
		"a link that leads nowhere in it": {func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "server.hcl")))
		}, ` is not empty, and nothing in it was changed: it has "server.hcl"`},
		"others can write": {func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(dir, 0o770))
		}, "; run: chmod 700 "},
		"another user's": {func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			require.NoError(t, os.Chown(dir, 65534, 65534))
		}, " belongs to another user (id 65534); run this as that user"},
		"a file instead": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(dir))
			require.NoError(t, os.WriteFile(dir, []byte("mine"), 0o600))
		}, "not a directory"},
		"a link that leads nowhere": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(dir))
			require.NoError(t, os.Symlink("nowhere", dir))
		}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			require.NoError(t, os.Mkdir(dir, 0o700))
			tc.make(t, dir)
			before := listing(t, filepath.Dir(dir))
			_, err := setup.Init(setup.Options{Dir: dir, Now: time.Now()})
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, before, listing(t, filepath.Dir(dir)))
		})
	}
}

// listing returns the mode of everything below dir.
func listing(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	found := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		found[path] = info.Mode()
		return nil
	}))
	return found
}

func TestAnEmptyFolderIsUsedAsItIs(t *testing.T) {
	dir := newDir(t)
	require.NoError(t, os.Mkdir(dir, 0o750))
	made := initialize(t, setup.Options{Dir: dir})
	require.Equal(t, fs.FileMode(0o750), listing(t, dir)[dir].Perm())
	_, err := server.LoadConfig(made.ConfigFile)
	require.NoError(t, err)
}

func TestTwoServicesShareNoSecret(t *testing.T) {
	one, other := initialize(t, setup.Options{}), initialize(t, setup.Options{})
	require.NotEqual(t, one.AccessKeyID, other.AccessKeyID)
	second := read(t, other.Dir)
	for name, content := range read(t, one.Dir) {
		require.NotEqual(t, content, second[name], name)
	}
	require.Regexp(t, `^LTAI5t[A-Z2-7]{18}$`, one.AccessKeyID)
	require.Regexp(t, `^[A-Z2-7]{52}\n$`, second["admin.secret"])
}

func TestAMovedFolderIsTheSameService(t *testing.T) {
	made := initialize(t, setup.Options{})
	moved := filepath.Join(filepath.Dir(made.Dir), "elsewhere")
	require.NoError(t, os.Rename(made.Dir, moved))
	c, err := server.LoadConfig(filepath.Join(moved, "server.hcl"))
	require.NoError(t, err)
	c.Listener.Address = "127.0.0.1:0"
	s, err := server.Start(c, server.Options{})
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(moved, "kms.db"))
	require.NoError(t, s.Close())
}

func TestStoreAndAuditLogMayBeElsewhere(t *testing.T) {
	data := newDir(t) + ` ${a} "b" \ %{c}`
	made := initialize(t, setup.Options{Data: data})
	c, err := server.LoadConfig(made.ConfigFile)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(data, "kms.db"), c.Storage.Path)
	require.Equal(t, filepath.Join(data, "audit.log"), c.Audit.File)
	require.NoDirExists(t, data)
	_, err = setup.Init(setup.Options{Dir: newDir(t), Data: data + strings.Repeat("long", 20), Now: time.Now()})
	require.ErrorContains(t, err, "is too long for the socket in it")
}

func TestTheNameOfAFolderMustSuitTheSocketAndTheTerminal(t *testing.T) {
	dir := newDir(t)
	_, err := setup.Init(setup.Options{Dir: filepath.Join(dir, strings.Repeat("long", 20)), Now: time.Now()})
	require.ErrorContains(t, err, "is too long for the socket in it: it may have at most 74 bytes")
	_, err = setup.Init(setup.Options{Dir: dir + "\x1b[2J", Now: time.Now()})
	require.ErrorContains(t, err, `\x1b[2J" has a control character`)
	dir = filepath.Join(filepath.Dir(dir), "it's $HOME")
	_, err = server.LoadConfig(initialize(t, setup.Options{Dir: dir}).ConfigFile)
	require.NoError(t, err)
}
