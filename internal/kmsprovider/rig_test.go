package kmsprovider

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	kms "k8s.io/kms/apis/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A counted client counts the requests that it sends.
type counted struct {
	*client.Client
	sent atomic.Int64
}

func (c *counted) Do(ctx context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	c.sent.Add(1)
	return c.Client.Do(ctx, r)
}

// A rig is a provider with a KMS service of its own.
type rig struct {
	*Provider
	t       *testing.T
	kms     *kmstest.KMS
	client  *counted
	backend *KMS
}

// newRig makes a service, a key, and a provider that has checked it.
func newRig(t *testing.T) *rig {
	t.Helper()
	service := kmstest.New(t)
	r := &rig{t: t, kms: service, client: dial(t, service)}
	r.backend = &KMS{Client: r.client, Key: r.newKey(), Cluster: "prod"}
	r.Provider = r.provide(r.backend)
	require.NoError(t, r.Check(t.Context()))
	return r
}

func dial(t *testing.T, service *kmstest.KMS) *counted {
	t.Helper()
	config := service.ClientConfig()
	config.MaxRetries = -1
	c, err := client.New(config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &counted{Client: c}
}

func (r *rig) provide(b Backend) *Provider {
	return New(b, Options{Log: slog.New(slog.NewTextHandler(testlog.Output(r.t), nil))})
}

func (r *rig) newKey() Key {
	r.t.Helper()
	made, err := r.client.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(r.t, err)
	key, err := ParseKey(made.KeyMetadata.KeyId)
	require.NoError(r.t, err)
	return key
}

// status is what Status answers, which is never an error.
func (r *rig) status() *kms.StatusResponse {
	r.t.Helper()
	answer, err := r.Status(r.t.Context(), nil)
	require.NoError(r.t, err)
	require.Equal(r.t, "v2", answer.Version)
	return answer
}

// seal is what the API server stores after it has encrypted plaintext.
func seal(t *testing.T, p *Provider, plaintext string) *kms.EncryptResponse {
	t.Helper()
	made, err := p.Encrypt(t.Context(), &kms.EncryptRequest{Plaintext: []byte(plaintext)})
	require.NoError(t, err)
	return made
}

// open decrypts what was stored.
func open(t *testing.T, p *Provider, made *kms.EncryptResponse) (string, error) {
	t.Helper()
	opened, err := p.Decrypt(t.Context(), &kms.DecryptRequest{
		Ciphertext: made.Ciphertext, KeyId: made.KeyId, Annotations: made.Annotations,
	})
	if err != nil {
		return "", err
	}
	return string(opened.Plaintext), nil
}
