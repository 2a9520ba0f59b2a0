package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// kmsService is `alicloudkms server -dev`, running.
type kmsService struct {
	*process
	bin, dir string
	// exports are the variables that the service writes for its clients.
	exports map[string]string
	address string
	ca      string
}

// startKMS starts a service with new data in the suite's folder, on a port that the kernel picks.
func startKMS(s *suite, name string) (*kmsService, error) {
	k := &kmsService{bin: s.service(), dir: s.folder(name), address: "127.0.0.1:0"}
	s.started = append(s.started, k)
	if err := k.start(); err != nil {
		return nil, err
	}
	s.secrets.add(k.exports["ALICLOUD_SECRET_KEY"])
	return k, nil
}

// ownKMS starts a service for one test, which can then tell what every CMK is for.
func (s *stage) ownKMS(t *testing.T, name string) *kmsService {
	t.Helper()
	kms, err := startKMS(shared, s.vault.platform.name+"-kms-"+name+"-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, kms.stop()) })
	return kms
}

// start starts the service, on the address and with the data of before if it has run.
func (k *kmsService) start() error {
	exports := k.dir + ".env"
	if err := os.Remove(exports); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	cmd := exec.Command(k.bin, "server", "-dev", "-dev-listen", k.address, "-dev-dir", k.dir, "-dev-env", exports)
	cmd.Stdout = io.Discard // The greeting of -dev shows the exports, which the log must not hold.
	var err error
	if k.process, err = startProcess(cmd, k.dir+".log"); err != nil {
		return err
	}
	if err := k.waitUntil(func() bool { _, err := os.Stat(exports); return err == nil }); err != nil {
		return err
	}
	return k.readExports(exports)
}

func (k *kmsService) readExports(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	k.exports = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		k.exports[name] = strings.Trim(value, "'")
	}
	ca, err := os.ReadFile(k.exports["SSL_CERT_FILE"])
	k.address, k.ca = k.exports["ALICLOUD_DOMAIN"], string(ca)
	return err
}

// config is what the engine needs to use the service.
func (k *kmsService) config() map[string]any {
	return map[string]any{
		"region": k.exports["ALICLOUD_REGION"], "endpoint": k.address, "ca_cert": k.ca,
		"access_key": k.exports["ALICLOUD_ACCESS_KEY"], "secret_key": k.exports["ALICLOUD_SECRET_KEY"],
	}
}

// client returns a client of our own for the service, to see what the engine has done there.
func (k *kmsService) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{
		Region: k.exports["ALICLOUD_REGION"], Endpoint: k.address, CACert: k.ca, Credentials: client.Static(k.credentials()),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// cmks are the ids of all CMKs that the service has.
func (k *kmsService) cmks(t *testing.T) []string {
	t.Helper()
	c := k.client(t)
	var ids []string
	for page := 1; ; page++ {
		found, err := c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{PageNumber: page, PageSize: kmsapi.MaxPageSize})
		require.NoError(t, err)
		for _, key := range found.Keys.Key {
			ids = append(ids, key.KeyId)
		}
		if len(ids) >= found.TotalCount || len(found.Keys.Key) == 0 {
			return ids
		}
	}
}

func (k *kmsService) credentials() signature.Credentials {
	return signature.Credentials{
		AccessKeyID:     k.exports["ALICLOUD_ACCESS_KEY"],
		AccessKeySecret: kmsapi.NewSecret(k.exports["ALICLOUD_SECRET_KEY"]),
	}
}

// post sends a form to the service and returns status and body.
func (k *kmsService) post(t *testing.T, form string) (int, string) {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(k.ca)))
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	resp, err := client.Post("https://"+k.address+"/", "application/x-www-form-urlencoded", strings.NewReader(form))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// form is a signed request, as a client whose clock says at would send it.
func (k *kmsService) form(request kmsapi.Request, nonce string, at time.Time) string {
	params := kmsapi.Encode(request).Add("Action", string(request.Operation()))
	return signature.SignV1(http.MethodPost, params, k.credentials(), nonce, at).Form()
}
