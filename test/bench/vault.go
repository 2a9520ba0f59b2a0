package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// vaultServer is a Vault server as in production: raft storage, TLS, an audit log. Transit, our engine and the echo
// plugin are mounted.
type vaultServer struct {
	*vault.Server
	http *http.Client
}

// The keys of our engine: with one, KMS encrypts; with the other, the engine does, with a data key.
const (
	keyName      = "payroll"
	envelopeName = "archive"
)

func (s *stage) startVault(ctx context.Context) (*vaultServer, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, err
	}
	dir := s.folder("v")
	v := &vaultServer{Server: &vault.Server{
		Program: s.settings.vault, Dir: dir, Home: dir, OwnGroup: true,
		Address: servers.AnyPort, CAFile: kms.file("ca.pem"),
	}}
	v.Config = func() string { return v.config(s, kms) }
	if v.http, err = newHTTP(kms.CA); err != nil {
		return nil, err
	}
	if err := v.MakeFolders(); err != nil {
		return nil, err
	}
	s.onClose(func() error { return v.Stop() }) // v.Process is not set yet.
	if err := v.Start(ctx); err != nil {
		return nil, err
	}
	if err := v.setUp(ctx, s, kms); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, v.Tail())
	}
	return v, nil
}

// config has the certificate of the KMS service, so that TLS costs both the same, and accepts long strings: by default
// Vault refuses the base64 of 1 MiB.
func (v *vaultServer) config(s *stage, kms *kmsService) string {
	return fmt.Sprintf(`
storage "raft" {
  path    = %q
  node_id = "bench"
}
listener "tcp" {
  address       = %q
  tls_cert_file = %q
  tls_key_file  = %q
  max_json_string_value_length = 8388608
}
api_addr         = "https://127.0.0.1:2"
cluster_addr     = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock    = true
`, v.Storage(), v.Address, kms.file("tls.pem"), kms.file("tls.key"), s.programs())
}

// setUp mounts what is measured on a new server.
func (v *vaultServer) setUp(ctx context.Context, s *stage, kms *kmsService) error {
	if _, err := v.Initialize(ctx, &api.InitRequest{SecretShares: 1, SecretThreshold: 1}); err != nil {
		return err
	}
	if err := v.EnableAudit(ctx); err != nil {
		return err
	}
	for _, plugin := range []string{pluginName, "echo"} {
		if err := v.Register(ctx, plugin, s.program(plugin), ""); err != nil {
			return err
		}
	}
	for _, engine := range []string{"transit", "echo"} {
		if err := v.Client.Sys().MountWithContext(ctx, engine, &api.MountInput{Type: engine}); err != nil {
			return err
		}
	}
	return v.mountEngine(ctx, "alicloudkms", kms.EngineConfig())
}

// mountEngine mounts our engine with both keys.
func (v *vaultServer) mountEngine(ctx context.Context, path string, config map[string]any) error {
	if err := v.Client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: pluginName}); err != nil {
		return err
	}
	for _, write := range []struct {
		path string
		data map[string]any
	}{
		{"config", config}, {"keys/" + keyName, nil}, {"keys/" + envelopeName, map[string]any{"encryption": "envelope"}},
	} {
		if _, err := v.Client.Logical().WriteWithContext(ctx, path+"/"+write.path, write.data); err != nil {
			return err
		}
	}
	return nil
}

// answerSize is the length of the data of an answer, in JSON.
func (v *vaultServer) answerSize(ctx context.Context, path string, data map[string]any) (int, error) {
	answer, err := v.Client.Logical().WriteWithContext(ctx, path, data)
	if err != nil {
		return 0, err
	}
	encoded, err := json.Marshal(answer.Data)
	return len(encoded), err
}

// post returns a function that repeats one request, with as thin a client as possible.
func (v *vaultServer) post(ctx context.Context, path string, data map[string]any) (func() error, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	url, token := "https://"+v.Address+"/v1/"+path, v.Client.Token()
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
