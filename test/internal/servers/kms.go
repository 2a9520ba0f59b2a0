package servers

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// AnyPort is the address of a server whose port the kernel picks.
const AnyPort = "127.0.0.1:0"

// KMS is the KMS service as `alicloudkms server -dev` runs it: TLS, signatures, nonces and the audit log are on.
type KMS struct {
	*Process
	// Program is the alicloudkms binary.
	Program string
	// Dir is the data directory. The log is Dir.log, and the variables for clients are in Dir.env.
	Dir string
	// OwnGroup makes the process lead a process group.
	OwnGroup bool

	// Address is host:port. The kernel picks the port at the first start, and holds it for a restart.
	Address string
	// CA is the PEM of the service's authority.
	CA string
	// Operations is host:port of metrics and health, if the service was started with [KMS.StartConfigured].
	Operations string
	// Exports are the variables that the service writes for its clients.
	Exports map[string]string
}

// Start starts the service on the data of the last run, if any, and waits until it is ready.
func (k *KMS) Start() (err error) {
	exports := k.Dir + ".env"
	if err := os.Remove(exports); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := k.pickAddress(); err != nil {
		return err
	}
	cmd := exec.Command(k.Program, "server", "-dev", "-dev-listen", k.Address, "-dev-dir", k.Dir, "-dev-env", exports)
	cmd.Stdout = io.Discard // The greeting of -dev shows the secret, which must not be in the log.
	if k.OwnGroup {
		OwnGroup(cmd)
	}
	if k.Process, err = Start(cmd, k.Dir+".log"); err != nil {
		return err
	}
	written := func() bool { _, err := os.Stat(exports); return err == nil }
	if err := k.await(startPollInterval, written); err != nil {
		return err
	}
	return k.readExports(exports)
}

// pickAddress picks an address at the first start, which is held for this process.
func (k *KMS) pickAddress() error {
	if k.Address != "" {
		return nil
	}
	address, _, err := heldport.Hold()
	if err == nil {
		k.Address = address
	}
	return err
}

func (k *KMS) readExports(path string) error {
	script, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	k.Exports = map[string]string{}
	for line := range strings.Lines(string(script)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		k.Exports[name] = strings.Trim(value, "'")
	}
	ca, err := os.ReadFile(k.Exports["SSL_CERT_FILE"])
	k.Address, k.CA = k.Exports["ALICLOUD_DOMAIN"], string(ca)
	return err
}

// Credentials are the access key of the service's one account.
func (k *KMS) Credentials() signature.Credentials {
	return signature.Credentials{
		AccessKeyID:     k.Exports["ALICLOUD_ACCESS_KEY"],
		AccessKeySecret: kmsapi.NewSecret(k.Exports["ALICLOUD_SECRET_KEY"]),
	}
}

// Client returns a client with default settings.
func (k *KMS) Client() (*client.Client, error) {
	return client.New(client.Config{
		Region: k.Exports["ALICLOUD_REGION"], Endpoint: k.Address, CACert: k.CA, Credentials: client.Static(k.Credentials()),
	})
}

// EngineConfig is what the secrets engine needs at its path config to use the service.
func (k *KMS) EngineConfig() map[string]any {
	return map[string]any{
		"region": k.Exports["ALICLOUD_REGION"], "endpoint": k.Address, "ca_cert": k.CA,
		"access_key": k.Exports["ALICLOUD_ACCESS_KEY"], "secret_key": k.Exports["ALICLOUD_SECRET_KEY"],
	}
}

// SignedForm is r as a form with a signature, as a client whose clock shows at sends it. The answer will be JSON.
func (k *KMS) SignedForm(r kmsapi.Request, nonce string, at time.Time) string {
	params := kmsapi.Encode(r).Add("Action", string(r.Operation())).Add("Format", "JSON")
	return signature.SignV1(http.MethodPost, params, k.Credentials(), nonce, at).Form()
}

// readyLine is what the service logs once it listens.
var readyLine = regexp.MustCompile(`msg=ready address=(\S+) operations=(\S+)`)

// AwaitKMS waits until p, a KMS service with a configuration file, is ready, and returns its address.
func AwaitKMS(p *Process) (address string, err error) {
	address, _, err = awaitReady(p)
	return address, err
}

func awaitReady(p *Process) (address, operations string, err error) {
	match, err := p.AwaitOutput(readyLine)
	if err != nil {
		return "", "", err
	}
	return match[1], match[2], nil
}
