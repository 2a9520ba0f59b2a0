package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

func TestAServiceOnEtcdNeedsAProgramThatHasItsClient(t *testing.T) {
	onEtcd := Config{Etcd: &EtcdConfig{Endpoints: []string{"http://127.0.0.1:2379"}}}
	require.NoError(t, engineFault(Config{}, false))
	require.NoError(t, engineFault(onEtcd, true))
	require.ErrorContains(t, engineFault(onEtcd, false), "etcd: this program has no client of etcd")
}

const nodeText = `listener {
  address    = "127.0.0.1:0"
  plain_http = true
}
etcd {
  endpoints     = ["https://127.0.0.1:2379"]
  ca_file       = "ca.pem"
  cert_file     = "etcd.pem"
  key_file      = "etcd.key"
  username      = "kms"
  password_file = "password"
}
cluster {
  address   = "127.0.0.1:0"
  ca_file   = "ca.pem"
  cert_file = "node.pem"
  key_file  = "node.key"
}
root_key { file = "root.key" }
account "1" {}
operations { socket = "s" }
`

// nodeSite is a folder with the files of a node.
type nodeSite struct {
	t   *testing.T
	dir string
	// ca and caKey sign all certificates. They are nil until the first one is made.
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

func newNodeSite(t *testing.T) *nodeSite {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms-") // Its path must be short enough for a socket.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &nodeSite{t: t, dir: dir}
	s.put("kms.hcl", nodeText)
	s.put("password", "hunter2\n")
	s.certificate("ca", time.Now().Add(time.Hour))
	s.certificate("etcd", time.Now().Add(time.Hour))
	s.certificate("node", time.Now().Add(time.Hour))
	return s
}

func (s *nodeSite) at(name string) string { return filepath.Join(s.dir, name) }

func (s *nodeSite) put(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.at(name), []byte(content), 0o600))
}

// certificate writes a certificate that the CA signs. The first one is the CA itself.
func (s *nodeSite) certificate(name string, expires time.Time) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: expires,
		URIs: []*url.URL{{Scheme: "alicloudkms", Host: "prod", Path: "/" + name}},
	}
	if s.ca == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		s.ca, s.caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.ca, key.Public(), s.caKey)
	require.NoError(s.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(s.t, err)
	s.put(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.put(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

func (s *nodeSite) config() Config {
	s.t.Helper()
	c, err := LoadConfig(s.at("kms.hcl"))
	require.NoError(s.t, err)
	return c
}

func TestTheFilesOfANodeAreRead(t *testing.T) {
	s := newNodeSite(t)
	c := s.config()
	n, err := loadNodeFiles(c, time.Now())
	require.NoError(t, err)
	require.Empty(t, n.warnings(c, time.Now()))
	require.Len(t, n.remarks(), 2)
	require.Contains(t, n.remarks()[1], "cluster: node node of prod, certificate expires ")
	require.NotContains(t, fmt.Sprintf("%+v", n), "hunter2")

	held := newStoreTLS(storeIdentity{ca: n.etcd.ca})
	o := n.engineOptions(c, held, Options{})
	require.Equal(t, "hunter2", o.Password.Reveal())
	require.Equal(t, "alicloudkms/", o.Prefix)
	require.Equal(t, 5*time.Second, o.Lease)
	require.EqualValues(t, tls.VersionTLS12, o.TLS().MinVersion)
	shown, err := o.TLS().GetClientCertificate(nil)
	require.NoError(t, err)
	require.Empty(t, shown.Certificate)
	held.current.Store(&n.etcd)
	shown, err = o.TLS().GetClientCertificate(nil)
	require.NoError(t, err)
	require.Equal(t, n.etcd.certificate, shown, "a reload replaces it")
}

func TestAServiceOnOneMachineHasNoFilesOfANode(t *testing.T) {
	n, err := loadNodeFiles(Config{Storage: StorageConfig{Path: "kms.db"}}, time.Now())
	require.NoError(t, err)
	require.Nil(t, n)
}

func TestWhatWrongFilesOfANodeAreRefusedWith(t *testing.T) {
	chmod := func(name string) func(*nodeSite) {
		return func(s *nodeSite) { require.NoError(s.t, os.Chmod(s.at(name), 0o644)) }
	}
	const everybody = ` has mode 0644, so every user can access it; run: chmod o-rwx `
	for name, tc := range map[string]struct {
		spoil func(*nodeSite)
		want  string
	}{
		"a CA that is something else": {
			func(s *nodeSite) { s.put("ca.pem", "hello") },
			"DIR/kms.hcl:7: etcd: ca_file: DIR/ca.pem has no certificate in PEM (-----BEGIN CERTIFICATE-----)\n" +
				"DIR/kms.hcl:15: cluster: ca_file: DIR/ca.pem has no certificate in PEM (-----BEGIN CERTIFICATE-----)",
		},
		"a certificate for etcd that is not there": {
			func(s *nodeSite) { require.NoError(s.t, os.Remove(s.at("etcd.pem"))) },
			"DIR/kms.hcl:8: etcd: cert_file: open DIR/etcd.pem: no such file or directory",
		},
		"a key for etcd that everybody can read": {
			chmod("etcd.key"), "DIR/kms.hcl:9: etcd: key_file: DIR/etcd.key" + everybody + "DIR/etcd.key",
		},
		"a password that others can read": {
			chmod("password"),
			"DIR/kms.hcl:11: etcd: password_file: DIR/password has mode 0644, so users other than its owner can access it; run: chmod 600 DIR/password",
		},
		"a password without content": {
			func(s *nodeSite) { s.put("password", "\n") }, "DIR/kms.hcl:11: etcd: password_file: DIR/password is empty",
		},
		"a node's key that everybody can read": {
			chmod("node.key"), "DIR/kms.hcl:17: cluster: key_file: DIR/node.key" + everybody + "DIR/node.key",
		},
		"a node's key that is another's": {
			func(s *nodeSite) { require.NoError(s.t, os.Rename(s.at("etcd.key"), s.at("node.key"))) },
			"DIR/kms.hcl:9: etcd: key_file: open DIR/etcd.key: no such file or directory\n" +
				"DIR/kms.hcl:17: cluster: key_file: DIR/node.key is not the key of DIR/node.pem: tls: private key does not match public key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newNodeSite(t)
			tc.spoil(s)
			_, err := loadNodeFiles(s.config(), time.Now())
			require.Error(t, err)
			require.Equal(t, tc.want, strings.ReplaceAll(err.Error(), s.dir, "DIR"))
		})
	}
}

func TestAReloadReportsWhichCertificatesOfANodeAreNew(t *testing.T) {
	expiry := time.Now().Add(30 * time.Minute) // The CA itself expires in an hour.
	isNew := ": new certificate, expires " + expiry.UTC().Format(time.RFC3339)
	for name, tc := range map[string]struct {
		change func(*nodeSite)
		want   []string
	}{
		"nothing":                  {func(*nodeSite) {}, nil},
		"that for etcd":            {func(s *nodeSite) { s.certificate("etcd", expiry) }, []string{"etcd" + isNew}},
		"that for the other nodes": {func(s *nodeSite) { s.certificate("node", expiry) }, []string{"cluster" + isNew}},
		"the CA": {func(s *nodeSite) {
			ca, err := os.ReadFile(s.at("ca.pem"))
			require.NoError(s.t, err)
			other, err := os.ReadFile(newNodeSite(s.t).at("ca.pem"))
			require.NoError(s.t, err)
			s.put("ca.pem", string(ca)+string(other))
		}, []string{"etcd.ca_file: new certificates", "cluster.ca_file: new certificates"}},
		"another node's, which needs a restart": {func(s *nodeSite) {
			s.certificate("other", expiry)
			require.NoError(s.t, os.Rename(s.at("other.pem"), s.at("node.pem")))
			require.NoError(s.t, os.Rename(s.at("other.key"), s.at("node.key")))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newNodeSite(t)
			before, err := loadNodeFiles(s.config(), time.Now())
			require.NoError(t, err)
			tc.change(s)
			after, err := loadNodeFiles(s.config(), time.Now())
			require.NoError(t, err)
			var got []string
			for _, change := range before.changes(after) {
				got = append(got, change.Part+": "+change.What)
			}
			require.Equal(t, tc.want, got)
		})
	}
	require.Empty(t, (*nodeFiles)(nil).changes(nil), "on one machine")
}

func TestAChangeOfThePasswordForEtcdWaitsForARestart(t *testing.T) {
	s := newNodeSite(t)
	before, err := loadNodeFiles(s.config(), time.Now())
	require.NoError(t, err)
	same, err := loadNodeFiles(s.config(), time.Now())
	require.NoError(t, err)
	require.Empty(t, before.waiting(same))
	s.put("password", "hunter3\n")
	after, err := loadNodeFiles(s.config(), time.Now())
	require.NoError(t, err)
	for range 2 { // A second reload reports it too.
		waiting := before.waiting(after)
		require.Equal(t, []ops.Change{{Part: "etcd.password_file", What: "new password"}}, waiting)
		require.NotContains(t, fmt.Sprint(waiting), "hunter")
		before = before.inUse(after)
	}
	require.Nil(t, (*nodeFiles)(nil).inUse(nil), "on one machine")
	require.Empty(t, (*nodeFiles)(nil).waiting(nil))
}

func TestACertificateForEtcdThatHasExpiredIsWarnedOf(t *testing.T) {
	s := newNodeSite(t)
	s.certificate("etcd", time.Now().Add(-time.Minute))
	c := s.config()
	n, err := loadNodeFiles(c, time.Now())
	require.NoError(t, err)
	require.Contains(t, strings.Join(n.warnings(c, time.Now()), "\n"),
		"kms.hcl:8: etcd: cert_file: the certificate expired at ")
}

// A cluster whose certificates have all expired still has an active node that serves, even after all nodes were
// restarted.
func TestANodeStartsWithACertificateThatHasExpiredButTakesNoneAtAReload(t *testing.T) {
	for name, now := range map[string]time.Time{
		"it has expired":       time.Now().Add(2 * time.Hour),
		"it is not valid yet":  time.Now().Add(-2 * time.Hour),
		"the CA's has expired": time.Now().Add(1_000_000 * time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			s := newNodeSite(t)
			s.certificate("node", time.Now().Add(time.Hour))
			c := s.config()
			n, err := loadNodeFiles(c, now)
			require.NoError(t, err)
			require.Equal(t, "node", n.identity.Node)
			require.Contains(t, strings.Join(n.warnings(c, time.Now()), "\n"),
				"kms.hcl:16: cluster: cert_file: "+s.at("node.pem")+": the other nodes refuse it: x509: certificate has expired")
			_, err = (&node{}).reloaded(c, files{node: n})
			require.ErrorIs(t, err, n.expired)
		})
	}
}

func TestACertificateThatPeersWouldRefuseIsRefused(t *testing.T) {
	s := newNodeSite(t)
	other := newNodeSite(t)
	content, err := os.ReadFile(other.at("ca.pem"))
	require.NoError(t, err)
	s.put("ca.pem", string(content))
	_, err = loadNodeFiles(s.config(), time.Now())
	require.ErrorContains(t, err,
		"kms.hcl:16: cluster: cert_file: "+s.at("node.pem")+": x509: certificate signed by unknown authority")
}

func TestAChangeOfAStoreWaitsForARestart(t *testing.T) {
	_, before := settingsOf(Config{Accounts: []Account{{ID: "1"}}, Storage: StorageConfig{Path: "/kms.db"}})
	c := newNodeSite(t).config()
	_, after := settingsOf(c)
	var parts []string
	for _, change := range waiting(before, after) {
		parts = append(parts, change.Part)
	}
	require.Subset(t, parts, []string{
		"etcd.endpoints", "etcd.prefix", "etcd.lease", "etcd.username", "cluster.address", "cluster.max_clock_skew",
		"storage.path",
	})
	require.NotContains(t, fmt.Sprint(after), "hunter2")
}
