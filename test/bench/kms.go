package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// kmsService is `alicloudkms server -dev`, a process of its own: TLS, signatures, nonces and the audit log are on.
type kmsService struct {
	*process
	bin, dir string
	// exports are the variables that the service writes for its clients.
	exports map[string]string
	ca      string
}

func startKMS(bin, dir string) (*kmsService, error) {
	k := &kmsService{bin: bin, dir: dir}
	return k, k.start()
}

// start starts the service, with the data of before if it has run, and returns once it is ready.
func (k *kmsService) start() (err error) {
	exports := k.dir + ".env"
	if err := os.RemoveAll(exports); err != nil {
		return err
	}
	cmd := exec.Command(k.bin, "server", "-dev", "-dev-dir", k.dir, "-dev-env", exports)
	if k.process, err = startProcess(cmd, k.dir+".log"); err != nil {
		return err
	}
	if err := k.await(func() bool { _, err := os.Stat(exports); return err == nil }); err != nil {
		return err
	}
	text, err := os.ReadFile(exports)
	if err != nil {
		return err
	}
	k.exports = map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		k.exports[name] = strings.Trim(value, "'")
	}
	ca, err := os.ReadFile(k.file("ca.pem"))
	k.ca = string(ca)
	return err
}

func (k *kmsService) address() string { return k.exports["ALICLOUD_DOMAIN"] }

func (k *kmsService) file(name string) string { return filepath.Join(k.dir, name) }

func (k *kmsService) credentials() signature.Credentials {
	return signature.Credentials{
		AccessKeyID:     k.exports["ALICLOUD_ACCESS_KEY"],
		AccessKeySecret: kmsapi.NewSecret(k.exports["ALICLOUD_SECRET_KEY"]),
	}
}

// engineConfig is what the engine needs to use the service.
func (k *kmsService) engineConfig() map[string]any {
	return map[string]any{
		"region": k.exports["ALICLOUD_REGION"], "endpoint": k.address(), "ca_cert": k.ca,
		"access_key": k.exports["ALICLOUD_ACCESS_KEY"], "secret_key": k.exports["ALICLOUD_SECRET_KEY"],
	}
}

// client is our own client, as its users get it.
func (k *kmsService) client() (*client.Client, error) {
	return client.New(client.Config{
		Region: k.exports["ALICLOUD_REGION"], Endpoint: k.address(), CACert: k.ca, Credentials: client.Static(k.credentials()),
	})
}

// createKey makes a CMK and returns its id.
func (k *kmsService) createKey(ctx context.Context, r *kmsapi.CreateKeyRequest) (string, error) {
	c, err := k.client()
	if err != nil {
		return "", err
	}
	defer c.Close()
	made, err := c.CreateKey(ctx, r)
	if err != nil {
		return "", err
	}
	return made.KeyMetadata.KeyId, nil
}

// form is a signed request, with a nonce of its own.
func (k *kmsService) form(r kmsapi.Request) string {
	params := kmsapi.Encode(r).Add("Action", string(r.Operation())).Add("Format", "JSON")
	return signature.SignV1(http.MethodPost, params, k.credentials(), rand.Text(), time.Now()).Form()
}

// audited is how many requests the audit log has.
func (k *kmsService) audited() (int, error) {
	text, err := os.ReadFile(k.file("audit.log"))
	return bytes.Count(text, []byte("\n")), err
}

var residentSet = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the process's memory in MiB, from Linux's /proc, or from ps elsewhere.
func (k *kmsService) resident(ctx context.Context) (float64, error) {
	pid := strconv.Itoa(k.cmd.Process.Pid)
	kib := output(ctx, "ps", "-o", "rss=", "-p", pid)
	if text, err := os.ReadFile("/proc/" + pid + "/status"); err == nil {
		if match := residentSet.FindSubmatch(text); match != nil {
			kib = string(match[1])
		}
	}
	size, err := strconv.ParseFloat(kib, 64)
	if err != nil {
		return 0, fmt.Errorf("neither /proc nor ps tells the memory of process %s: %w", pid, err)
	}
	return size / 1024, nil
}
