package monitoring

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// caller sends requests to the KMS service, some of them with a wrong signature.
type caller struct {
	kms  *servers.KMS
	http *http.Client
}

func newCaller(t *testing.T, kms *servers.KMS) *caller {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(kms.CA)))
	return &caller{kms, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
}

// send sends a request, and returns the status and the answer. A nonce of "" is a new one.
func (c *caller) send(r kmsapi.Request, nonce string) (status int, answer map[string]any, err error) {
	if nonce == "" {
		nonce = uuid.NewString()
	}
	form := c.kms.SignedForm(r, nonce, time.Now())
	return c.post(form)
}

func (c *caller) post(form string) (status int, answer map[string]any, err error) {
	response, err := c.http.Post("https://"+c.kms.Address, "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, answer, json.Unmarshal(body, &answer)
}

// must sends a request that must succeed.
func (c *caller) must(t *testing.T, r kmsapi.Request) map[string]any {
	t.Helper()
	status, answer, err := c.send(r, "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, "%v", answer)
	return answer
}

// newKey makes a key, and returns its id.
func (c *caller) newKey(t *testing.T, r *kmsapi.CreateKeyRequest) string {
	t.Helper()
	metadata, _ := c.must(t, r)["KeyMetadata"].(map[string]any)
	id, _ := metadata["KeyId"].(string)
	require.NotEmpty(t, id)
	return id
}

// prepare makes what the gauges count: keys, a secret, and something due of each kind.
func (s *stage) prepare(t *testing.T, c *caller) {
	t.Helper()
	s.key = c.newKey(t, &kmsapi.CreateKeyRequest{})
	doomed := c.newKey(t, &kmsapi.CreateKeyRequest{EnableAutomaticRotation: true, RotationInterval: "30d"})
	c.must(t, &kmsapi.ScheduleKeyDeletionRequest{KeyId: doomed, PendingWindowInDays: 7})
	c.newKey(t, &kmsapi.CreateKeyRequest{EnableAutomaticRotation: true, RotationInterval: "30d"})
	for _, name := range []string{"kept", "doomed"} {
		c.must(t, &kmsapi.CreateSecretRequest{SecretName: name, VersionId: "1", SecretData: kmsapi.NewSecret("x")})
	}
	c.must(t, &kmsapi.DeleteSecretRequest{SecretName: "doomed"})
}

// reload makes the service read its configuration again, which works only while that is valid.
func (s *stage) reload() error {
	return exec.Command(s.kms.Program, "reload", "-config", filepath.Join(s.kms.Dir, "server.hcl")).Run()
}

// reloads makes one reload fail, and another succeed.
func (s *stage) reloads(t *testing.T) {
	t.Helper()
	name := filepath.Join(s.kms.Dir, "server.hcl")
	right, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, append(right, "nonsense\n"...), 0o600))
	require.Error(t, s.reload())
	require.NoError(t, os.WriteFile(name, right, 0o600))
	require.NoError(t, s.reload())
}

// refusals are requests that the service refuses: for wrong credentials, a used nonce, a key that does not exist, and
// too many of them.
func (s *stage) refusals(c *caller) error {
	form := c.kms.SignedForm(&kmsapi.DescribeKeyRequest{KeyId: s.key}, uuid.NewString(), time.Now())
	for _, wrong := range []string{form, form, strings.Replace(form, "Signature=", "Signature=A", 1)} {
		if _, _, err := c.post(wrong); err != nil {
			return err
		}
	}
	for _, refused := range []kmsapi.Request{
		&kmsapi.DescribeKeyRequest{KeyId: "nothing"}, &kmsapi.ListKmsInstancesRequest{}, &kmsapi.ListKmsInstancesRequest{},
	} {
		if _, _, err := c.send(refused, ""); err != nil {
			return err
		}
	}
	return nil
}

// encryptions are a few requests that succeed.
func (s *stage) encryptions(c *caller) error {
	for range 5 {
		if _, _, err := c.send(&kmsapi.EncryptRequest{KeyId: s.key, Plaintext: kmsapi.NewSecret("aGk=")}, ""); err != nil {
			return err
		}
	}
	return nil
}

// engineRequests are a few requests to the engine, one of each kind that Vault measures. Some fail: no key may be
// deleted, and nothing listens at the KMS address of the mount broken.
func (s *stage) engineRequests(ctx context.Context) {
	logical := s.vault.Client.Logical()
	_, _ = logical.WriteWithContext(ctx, mount+"/encrypt/app", map[string]any{"plaintext": "aGk="})
	_, _ = logical.ReadWithContext(ctx, mount+"/keys/app")
	_, _ = logical.ListWithContext(ctx, mount+"/keys")
	_, _ = logical.DeleteWithContext(ctx, mount+"/keys/app")
	_, _ = logical.ReadWithContext(ctx, "broken/regions")
}

// creations are requests for new keys, more than KMS allows in a second.
func (s *stage) creations(ctx context.Context) {
	for range 5 {
		_, _ = s.vault.Client.Logical().WriteWithContext(ctx, mount+"/keys/"+uuid.NewString(), nil)
	}
}

// load goes on until the test ends.
func (s *stage) load(t *testing.T, c *caller) {
	t.Helper()
	broken := s.kms.EngineConfig()
	broken["endpoint"], broken["verify"], broken["max_retries"] = "127.0.0.1:1", false, 0
	s.mount(t, "broken", broken)
	_, err := s.vault.Client.Logical().WriteWithContext(t.Context(), mount+"/config", map[string]any{"max_retries": 0})
	require.NoError(t, err)
	_, err = s.vault.Client.Logical().WriteWithContext(t.Context(), mount+"/keys/app", nil)
	require.NoError(t, err)

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	repeat := func(errand func() error) {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := errand(); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	repeat(func() error { return s.encryptions(c) })
	repeat(func() error { return s.refusals(c) })
	repeat(func() error { s.engineRequests(ctx); return nil })
	repeat(func() error { s.creations(ctx); return nil })
	t.Cleanup(func() { stop(); running.Wait() })
}
