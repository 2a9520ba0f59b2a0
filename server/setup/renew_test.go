package setup_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

const year = 365 * 24 * time.Hour

func TestARenewedCertificateIsForTheSameHostsAndKey(t *testing.T) {
	made := initialize(t, setup.Options{Hosts: []string{"kms.example.com", "::1"}})
	before := read(t, made.Dir)
	path := filepath.Join(made.Dir, "tls.pem")
	require.NoError(t, os.Chmod(path, 0o640))
	now := made.Expires.Add(year) // An expired certificate can be renewed too.
	renewed, err := setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: now})
	require.NoError(t, err)
	require.Equal(t, made.Hosts, renewed.Hosts)
	require.Equal(t, made.Expires, renewed.Before)
	require.Equal(t, path, renewed.CertificateFile)

	after := read(t, made.Dir)
	for _, host := range made.Hosts {
		require.NoError(t, accepts(t, after, host, now))
		require.NoError(t, accepts(t, after, host, renewed.Expires))
		require.Error(t, accepts(t, before, host, now))
	}
	require.Equal(t, certificate(t, before["tls.pem"]).PublicKey, certificate(t, after["tls.pem"]).PublicKey)
	require.NotEqual(t, certificate(t, before["tls.pem"]).SerialNumber, certificate(t, after["tls.pem"]).SerialNumber)
	require.EqualValues(t, 0o640, listing(t, made.Dir)[path].Perm(), "the service's group may read it as before")
	delete(before, "tls.pem")
	delete(after, "tls.pem")
	require.Equal(t, before, after, "nothing else has changed, and nothing is left")
	_, err = server.LoadConfig(made.ConfigFile)
	require.NoError(t, err)
}

func TestTheServicesGroupCanReadARenewedCertificate(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files to a group of others")
	}
	const group = 12345
	made := initialize(t, setup.Options{})
	path := filepath.Join(made.Dir, "tls.pem")
	require.NoError(t, os.Lchown(path, -1, group))
	_, err := setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: time.Now()})
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, group, info.Sys().(*syscall.Stat_t).Gid)
}

func TestApplesClientsAcceptCertificates(t *testing.T) {
	const most = 825 * 24 * time.Hour
	made := initialize(t, setup.Options{})
	for range 2 {
		leaf := certificate(t, read(t, made.Dir)["tls.pem"])
		require.LessOrEqual(t, leaf.NotAfter.Sub(leaf.NotBefore), most)
		_, err := setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: time.Now()})
		require.NoError(t, err)
	}
}

func TestARenewedCertificateMayBeForOtherHosts(t *testing.T) {
	made := initialize(t, setup.Options{})
	key := filepath.Join(filepath.Dir(made.Dir), "safe.key")
	require.NoError(t, os.Rename(filepath.Join(made.Dir, "ca.key"), key))
	now := time.Now()
	_, err := setup.Renew(setup.RenewOptions{
		Dir: made.Dir, CAKeyFile: key, Hosts: []string{"other.example.com"}, Now: now,
	})
	require.NoError(t, err)
	files := read(t, made.Dir)
	require.NoError(t, accepts(t, files, "other.example.com", now))
	require.Error(t, accepts(t, files, "localhost", now))
	require.NoFileExists(t, filepath.Join(made.Dir, "ca.key"))
}

func TestACertificateDoesNotOutliveItsCA(t *testing.T) {
	made := initialize(t, setup.Options{})
	end := certificate(t, read(t, made.Dir)["ca.pem"]).NotAfter
	renewed, err := setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: end.Add(-time.Hour)})
	require.NoError(t, err)
	require.Equal(t, end, renewed.Expires)
	_, err = setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: end})
	require.ErrorContains(t, err, "the CA itself has expired")
}

func TestRenewalThatCannotBeChangesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, dir string, o *setup.RenewOptions)
		want  string
	}{
		"the CA's key was moved": {func(t *testing.T, dir string, _ *setup.RenewOptions) {
			require.NoError(t, os.Remove(filepath.Join(dir, "ca.key")))
		}, "ca.key: no such file or directory; if it was moved, name it with -ca-key"},
		"the key of another CA": {func(t *testing.T, _ string, o *setup.RenewOptions) {
			o.CAKeyFile = filepath.Join(initialize(t, setup.Options{}).Dir, "ca.key")
		}, "is not the key of "},
		"another CA": {func(t *testing.T, dir string, o *setup.RenewOptions) {
			other := initialize(t, setup.Options{}).Dir
			o.CAKeyFile = filepath.Join(other, "ca.key")
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(read(t, other)["ca.pem"]), 0o600))
		}, "tls.pem was not signed by "},
		"no certificate": {func(t *testing.T, dir string, _ *setup.RenewOptions) {
			require.NoError(t, os.Remove(filepath.Join(dir, "tls.pem")))
		}, "tls.pem: no such file"},
		"a certificate that is a link": {func(t *testing.T, dir string, _ *setup.RenewOptions) {
			path := filepath.Join(dir, "tls.pem")
			require.NoError(t, os.Rename(path, filepath.Join(dir, "real.pem")))
			require.NoError(t, os.Symlink("real.pem", path))
		}, "tls.pem is not a file, and is not replaced"},
		"no key": {func(t *testing.T, dir string, o *setup.RenewOptions) {
			o.CAKeyFile = filepath.Join(dir, "tls.pem")
		}, "there is no private key in PEM"},
		"a host that is none": {func(_ *testing.T, _ string, o *setup.RenewOptions) {
			o.Hosts = []string{"a b"}
		}, `host "a b"`},
		"no folder": {func(_ *testing.T, _ string, o *setup.RenewOptions) { o.Dir += "x" }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			made := initialize(t, setup.Options{})
			o := setup.RenewOptions{Dir: made.Dir, Now: time.Now()}
			tc.spoil(t, made.Dir, &o)
			before := read(t, made.Dir)
			_, err := setup.Renew(o)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, before, read(t, made.Dir))
		})
	}
}
