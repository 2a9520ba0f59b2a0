package etcd_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/etcd"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// lab is a cluster of services on a real etcd, connected by real links.
type lab struct {
	t    *testing.T
	dev  *server.DevConfig
	etcd *etcdtest.Cluster
	dir  string
	ca   *pki.Authority
}

// lease is long, since a node that gets no processor for as long is no longer the active one. No test waits for its
// end.
const lease = 20 * time.Second

func newLab(t *testing.T) *lab {
	dir, err := os.MkdirTemp("", "kms-") // Its path must be short enough for a socket.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	dev, err := server.NewDevConfig(dir, "127.0.0.1:0")
	require.NoError(t, err)
	now := time.Now()
	ca, err := pki.NewAuthority(pki.CA("peers", now, now.Add(time.Hour)), nil)
	require.NoError(t, err)
	l := &lab{t: t, dev: dev, dir: dir, ca: ca, etcd: etcdtest.Start(t, etcdtest.Options{Members: 1, NoSync: true})}
	l.put("peers.pem", pki.EncodeCertificates(ca.Certificate))
	return l
}

func (l *lab) put(name string, content []byte) (path string) {
	l.t.Helper()
	path = filepath.Join(l.dir, name)
	require.NoError(l.t, os.WriteFile(path, content, 0o600))
	return path
}

// node is one service of a lab.
type node struct {
	*server.Server
	lab    *lab
	client *client.Client
}

// certify makes the certificate of a node of a cluster.
func (l *lab) certify(c *server.ClusterConfig, of, node string) {
	l.t.Helper()
	now := time.Now()
	template := pki.Server(node, nil, now, now.Add(time.Hour))
	template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	template.URIs = []*url.URL{{Scheme: "alicloudkms", Host: of, Path: "/" + node}}
	made, err := l.ca.Issue(template)
	require.NoError(l.t, err)
	key, err := pki.EncodeKey(made.Key)
	require.NoError(l.t, err)
	file := of + "-" + node
	c.CertFile, c.KeyFile = l.put(file+".pem", pki.EncodeCertificates(made.Certificate)), l.put(file+".key", key)
}

// config returns the configuration of a node.
func (l *lab) config(name string) server.Config {
	l.t.Helper()
	c := l.dev.Config
	c.Storage = server.StorageConfig{}
	c.Etcd = &server.EtcdConfig{Endpoints: l.etcd.Endpoints(), Lease: lease.String()}
	c.Cluster = &server.ClusterConfig{Address: "127.0.0.1:0", CAFile: filepath.Join(l.dir, "peers.pem")}
	l.certify(c.Cluster, "test", name)
	c.Audit = &server.AuditConfig{File: filepath.Join(l.dir, name+".log")}
	c.Ops = &server.OpsConfig{Address: "127.0.0.1:0", Socket: filepath.Join(l.dir, name+".sock")}
	return c
}

func (l *lab) start(name string) *node {
	l.t.Helper()
	return l.run(name, l.config(name))
}

// run starts a node with a configuration.
func (l *lab) run(name string, c server.Config) *node {
	l.t.Helper()
	n := &node{lab: l}
	logger := slog.New(slog.NewTextHandler(testlog.Output(l.t), nil)).With("on", name)
	started, err := server.Start(c, server.Options{Logger: logger})
	require.NoError(l.t, err)
	n.Server = started
	l.t.Cleanup(func() { require.NoError(l.t, n.Close()) })
	ca, err := os.ReadFile(l.dev.CAFile)
	require.NoError(l.t, err)
	n.client, err = client.New(client.Config{
		Endpoint: "https://" + n.Address(), CACert: string(ca), Region: kmsapi.DefaultRegion, MaxRetries: -1,
		Credentials: client.Static{AccessKeyID: l.dev.AccessKeyID, AccessKeySecret: l.dev.AccessKeySecret},
	})
	require.NoError(l.t, err)
	return n
}

// health returns the status of /healthz, the active node that it names, and its error.
func (n *node) health() (status int, active, text string) {
	n.lab.t.Helper()
	r, err := http.NewRequestWithContext(n.lab.t.Context(), http.MethodGet, "http://"+n.OpsAddress()+"/healthz", nil)
	require.NoError(n.lab.t, err)
	got, err := http.DefaultClient.Do(r)
	require.NoError(n.lab.t, err)
	defer got.Body.Close()
	var body struct {
		ActiveNode string `json:"active_node"`
		Error      string
	}
	require.NoError(n.lab.t, json.NewDecoder(got.Body).Decode(&body))
	return got.StatusCode, body.ActiveNode, body.Error
}

func (n *node) await(status int) {
	n.lab.t.Helper()
	n.awaitHealth(status, "")
}

// awaitHealth waits for a status of /healthz with an error that begins with why.
func (n *node) awaitHealth(status int, why string) {
	n.lab.t.Helper()
	start := time.Now()
	for {
		got, active, text := n.health()
		if got == status && strings.HasPrefix(text, why) {
			return
		}
		if time.Since(start) > 2*time.Minute {
			n.lab.t.Fatalf("status %d, active node %q: %s", got, active, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitAnswer waits until n answers, and returns how long that took.
func (n *node) awaitAnswer(keyID string) time.Duration {
	n.lab.t.Helper()
	start := time.Now()
	for {
		_, err := n.client.DescribeKey(n.lab.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: keyID})
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > 2*time.Minute {
			n.lab.t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestServicesOnEtcdTakeOverFromEachOther(t *testing.T) {
	l := newLab(t)
	one := l.start("one")
	one.await(http.StatusOK)
	two, three := l.start("two"), l.start("three")
	two.await(http.StatusTooManyRequests)
	three.await(http.StatusTooManyRequests)

	var id string
	require.Eventually(t, func() bool { // On a busy machine, a request may be forwarded too slowly.
		created, err := two.client.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
		if err == nil {
			id = created.KeyMetadata.KeyId
		}
		return err == nil
	}, 2*time.Minute, 10*time.Millisecond)
	three.awaitAnswer(id)

	limited, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	require.NoError(t, one.Shutdown(limited))
	t.Log("takeover after a step-down:", three.awaitAnswer(id))

	active := map[string]*node{"two": two, "three": three}
	_, name, _ := three.health() // It has answered, so it is the active node, or knows which one is.
	require.Contains(t, active, name)
	other := active[map[string]string{"two": "three", "three": "two"}[name]]
	require.NoError(t, active[name].Close())
	t.Log("takeover after the end of", name+":", other.awaitAnswer(id))
	other.await(http.StatusOK)
}
