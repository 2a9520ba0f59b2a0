package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/vault/api"
)

// vaultServer is a Vault process as in production: raft storage, TLS, an audit log. Transit, our engine and the echo plugin are
// mounted, with a key called payroll each.
type vaultServer struct {
	*process
	dir     string
	address string
	client  *api.Client
	http    *http.Client
}

const keyName = "payroll"

func (s *stage) startVault(ctx context.Context) (*vaultServer, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, err
	}
	v := &vaultServer{dir: filepath.Join(s.dir, "v")}
	if err := os.MkdirAll(filepath.Join(v.dir, "raft"), 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(v.dir, "vault.hcl")
	if err := os.WriteFile(config, []byte(v.config(s, kms)), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(s.settings.vault, "server", "-config", config)
	cmd.Env = append(os.Environ(), "HOME="+v.dir, "TMPDIR="+v.dir)
	if v.process, err = startProcess(cmd, v.dir+".log"); err != nil {
		return nil, err
	}
	s.onClose(func() error { return v.stop() })
	if err := v.await(v.findAddress); err != nil {
		return nil, err
	}
	if err := v.connect(kms); err != nil {
		return nil, err
	}
	if err := v.initialize(ctx); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, v.tail())
	}
	return v, v.mount(ctx, s, kms)
}

// config has the certificate of the KMS service, so that TLS costs both the same.
func (v *vaultServer) config(s *stage, kms *kmsService) string {
	return fmt.Sprintf(`
storage "raft" {
  path    = %q
  node_id = "bench"
}
listener "tcp" {
  address       = "127.0.0.1:0"
  tls_cert_file = %q
  tls_key_file  = %q
}
api_addr         = "https://127.0.0.1:2"
cluster_addr     = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock    = true
`, filepath.Join(v.dir, "raft"), kms.file("tls.pem"), kms.file("tls.key"), filepath.Dir(s.program("x")))
}

// clusterAddress in Vault's banner is made of the port that was really bound, plus one; the address beside it may end in 0.
var clusterAddress = regexp.MustCompile(`cluster address: "127\.0\.0\.1:(\d+)"`)

func (v *vaultServer) findAddress() bool {
	text, err := os.ReadFile(v.log)
	if err != nil {
		return false
	}
	match := clusterAddress.FindSubmatch(text)
	if match == nil {
		return false
	}
	port, err := strconv.Atoi(string(match[1]))
	v.address = fmt.Sprintf("127.0.0.1:%d", port-1)
	return err == nil
}

func (v *vaultServer) connect(kms *kmsService) (err error) {
	config := api.DefaultConfig()
	config.Address, config.Timeout = "https://"+v.address, time.Minute
	if err := config.ConfigureTLS(&api.TLSConfig{CACert: kms.file("ca.pem")}); err != nil {
		return err
	}
	if v.client, err = api.NewClient(config); err != nil {
		return err
	}
	v.http, err = newHTTP(kms.ca)
	return err
}

func (v *vaultServer) initialize(ctx context.Context) error {
	sys := v.client.Sys()
	if err := v.await(func() bool { _, err := sys.SealStatusWithContext(ctx); return err == nil || ctx.Err() != nil }); err != nil {
		return err
	}
	made, err := sys.InitWithContext(ctx, &api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	if err != nil {
		return err
	}
	if _, err := sys.UnsealWithContext(ctx, made.Keys[0]); err != nil {
		return err
	}
	v.client.SetToken(made.RootToken)
	active := func() bool {
		health, err := sys.HealthWithContext(ctx)
		return err == nil && !health.Sealed && !health.Standby || ctx.Err() != nil
	}
	if err := v.await(active); err != nil {
		return err
	}
	return sys.EnableAuditWithOptionsWithContext(ctx, "file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": filepath.Join(v.dir, "audit.log")},
	})
}

// mount makes what is measured.
func (v *vaultServer) mount(ctx context.Context, s *stage, kms *kmsService) error {
	for _, plugin := range []string{pluginName, "echo"} {
		sum, err := sha256Of(s.program(plugin))
		if err != nil {
			return err
		}
		if err := v.client.Sys().RegisterPluginWithContext(ctx, &api.RegisterPluginInput{
			Name: plugin, Type: api.PluginTypeSecrets, Command: plugin, SHA256: sum,
		}); err != nil {
			return err
		}
	}
	for path, kind := range map[string]string{"transit": "transit", "echo": "echo", "alicloudkms": pluginName} {
		if err := v.client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: kind}); err != nil {
			return err
		}
	}
	if _, err := v.client.Logical().WriteWithContext(ctx, "alicloudkms/config", kms.engineConfig()); err != nil {
		return err
	}
	for _, path := range []string{"transit/keys/", "alicloudkms/keys/"} {
		if _, err := v.client.Logical().WriteWithContext(ctx, path+keyName, nil); err != nil {
			return err
		}
	}
	return nil
}

func sha256Of(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// post returns a function that sends the same request again and again, with as little of a client as there can be.
func (v *vaultServer) post(ctx context.Context, path string, data map[string]any) (func() error, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	url, token := "https://"+v.address+"/v1/"+path, v.client.Token()
	return func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("X-Vault-Token", token)
		r.Header.Set("Content-Type", "application/json")
		return exchange(v.http, r)
	}, nil
}
