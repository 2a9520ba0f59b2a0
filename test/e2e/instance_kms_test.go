package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/pki"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// cloudKMS is a KMS service like Alibaba Cloud as it is sold today: programs can't use a key that is in no KMS
// instance, and each instance has a dedicated gateway, whose certificates the test can replace.
type cloudKMS struct {
	*servers.Process
	t   *testing.T
	dir string
	// addresses are where the gateways listen, by instance; "" is the shared one. The kernel picks the ports at the first
	// start, and a restart keeps them.
	addresses map[string]string
	// public has signed the certificate of the shared gateway, and private those of the dedicated gateways.
	public, private *pki.PKI
	secret          string
}

// The instances of a cloudKMS.
const (
	instance = "kst-main"
	// closedInstance has no Internet access.
	closedInstance = "kst-closed"
)

// cloudSettings are the lines of the configuration that instances differ in.
var cloudSettings = map[string]string{instance: "", closedInstance: "internet_access = false"}

// cloud starts a service for one test.
func (s *stage) cloud(t *testing.T) *cloudKMS {
	t.Helper()
	k := &cloudKMS{
		t: t, dir: shared.folder(s.vault.platform.name + "-cloud-"), addresses: map[string]string{"": servers.AnyPort},
		public: newPKI(t), private: newPKI(t), secret: newSecretText(),
	}
	require.NoError(t, os.Mkdir(k.dir, 0o700))
	k.file("root.key", base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32]))
	k.file("access-key-secret", k.secret)
	require.NoError(t, k.public.Issue(k.dir, "shared", "127.0.0.1"))
	for id := range cloudSettings {
		k.addresses[id] = servers.AnyPort
	}
	k.issue()
	k.start()
	t.Cleanup(func() { assert.NoError(t, k.Stop()) })
	return k
}

func newPKI(t *testing.T) *pki.PKI {
	t.Helper()
	made, err := pki.New(kmsapi.DefaultRegion)
	require.NoError(t, err)
	return made
}

func (k *cloudKMS) file(name, content string) {
	k.t.Helper()
	require.NoError(k.t, os.WriteFile(filepath.Join(k.dir, name), []byte(content), 0o600))
}

// issue writes new certificates for the dedicated gateways.
func (k *cloudKMS) issue() {
	k.t.Helper()
	require.NoError(k.t, k.private.WriteCA(filepath.Join(k.dir, "private-ca.pem")))
	for id := range cloudSettings {
		require.NoError(k.t, k.private.Issue(k.dir, id, kmsapi.InstanceHost(id)))
	}
}

func (k *cloudKMS) config() string {
	listener := func(id, name string) string {
		return fmt.Sprintf("listener {\n  address = %q\n  tls_cert_file = \"%s.pem\"\n  tls_key_file = \"%s.key\"\n}\n",
			k.addresses[id], name, name)
	}
	var b strings.Builder
	b.WriteString(`
strict_default_keys = true
storage {
  path = "kms.db"
}
audit {
  file = "audit.log"
}
root_key {
  file = "root.key"
}
account "1000000000000001" {
  access_key "LTAIcloud" {
    secret_file = "access-key-secret"
  }
}
` + listener("", "shared"))
	for _, id := range slices.Sorted(maps.Keys(cloudSettings)) {
		fmt.Fprintf(&b, "instance %q {\n  ca_cert_file = \"private-ca.pem\"\n  %s\n%s}\n",
			id, cloudSettings[id], listener(id, id))
	}
	return b.String()
}

// start starts the service, on the data and at the addresses of the last run, if any.
func (k *cloudKMS) start() {
	k.t.Helper()
	k.file("kms.hcl", k.config())
	cmd := exec.Command(shared.service(), "server", "-config", "kms.hcl")
	cmd.Dir = k.dir
	var err error
	k.Process, err = servers.Start(cmd, k.dir+".log")
	require.NoError(k.t, err)
	shared.stopsAtTheEnd(k.Process)
	k.addresses[""], err = servers.AwaitKMS(k.Process)
	require.NoError(k.t, err)
	for id := range cloudSettings {
		found, err := k.AwaitOutput(regexp.MustCompile(`instance=` + id + ` address=(\S+)`))
		require.NoError(k.t, err)
		k.addresses[id] = found[1]
	}
}

// calls counts the requests of an operation in the audit log.
func (k *cloudKMS) calls(op kmsapi.Operation) int {
	k.t.Helper()
	log, err := os.ReadFile(filepath.Join(k.dir, "audit.log"))
	require.NoError(k.t, err)
	return strings.Count(string(log), `"`+string(op)+`"`)
}

// renew gives the dedicated gateways new certificates of the same CA, while the service runs.
func (k *cloudKMS) renew() {
	k.t.Helper()
	before := k.serial()
	k.issue()
	require.NoError(k.t, k.Signal(syscall.SIGHUP))
	require.NoError(k.t, k.Await(func() bool { return k.serial() != before }))
}

// serial is the serial number of the certificate that the instance's dedicated gateway shows.
func (k *cloudKMS) serial() string {
	k.t.Helper()
	unverified := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // The certificate is only looked at.
	conn, err := tls.Dial("tcp", k.addresses[instance], unverified)
	require.NoError(k.t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// replaceCA gives the dedicated gateways certificates of another CA. Existing connections end.
func (k *cloudKMS) replaceCA() {
	k.t.Helper()
	require.NoError(k.t, k.Stop())
	k.private = newPKI(k.t)
	k.issue()
	k.start()
}

// engineConfig is what the engine needs to make keys in the instance, and to use them over the shared gateway.
func (k *cloudKMS) engineConfig() map[string]any {
	return map[string]any{
		"region": kmsapi.DefaultRegion, "endpoint": k.addresses[""], "ca_cert": k.public.CA(),
		"access_key": "LTAIcloud", "secret_key": k.secret, "kms_instance_id": instance,
	}
}

// dedicatedConfig is what the engine needs to make keys in the instance called id, and to use them over its dedicated
// gateway.
func (k *cloudKMS) dedicatedConfig(id string) map[string]any {
	return with(k.engineConfig(), map[string]any{
		"gateway": "dedicated", "kms_instance_id": id, "instance_endpoint": k.addresses[id],
	})
}
