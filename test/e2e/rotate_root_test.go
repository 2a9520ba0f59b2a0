package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram/ramtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A ramUser is a mount that is configured with the access key of a RAM user, which a KMS service and a double of RAM
// know.
type ramUser struct {
	*mount
	s     *stage
	ram   *ramtest.RAM
	first string
}

func (s *stage) ramUser(t *testing.T) *ramUser {
	t.Helper()
	kms, secret := kmstest.New(t), newSecretText()
	u := &ramUser{mount: s.mountUnconfigured(t), s: s, first: "LTAIe2efirst"}
	u.client.SetMaxRetries(0)
	u.ram = ramtest.New(t, u.first, secret)
	u.ram.Delay(time.Second)
	u.ram.Accept(func(keys []ramtest.Key) {
		taken := make([]client.Static, len(keys))
		for i, key := range keys {
			shared.secrets.add(key.Secret)
			taken[i] = client.Static{AccessKeyID: key.ID, AccessKeySecret: kmsapi.NewSecret(key.Secret)}
		}
		require.NoError(t, kms.Reload(kmstest.AccessKeys(taken...)))
	})
	u.settle(t)
	u.write("config", map[string]any{
		"region": kms.Region, "endpoint": kms.Endpoint, "ca_cert": kms.CACert,
		"access_key": u.first, "secret_key": secret, "ram_endpoint": u.ram.URL,
	})
	return u
}

// settle lets new access keys start to work, until the test ends.
func (u *ramUser) settle(t *testing.T) {
	t.Helper()
	u.ram.Settle()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			u.ram.Settle()
			time.Sleep(50 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { <-ended })
}

// kill kills the plugin, which Vault starts again at the next request.
func (u *ramUser) kill() { _ = syscall.Kill(u.s.plugin(u.mount), syscall.SIGKILL) }

// killedAt rotates and kills the plugin when RAM gets a request, or has run it.
func (u *ramUser) killedAt(action string, hook func(func(string) bool)) {
	u.t.Helper()
	hook(func(called string) bool {
		if called == action {
			u.kill()
		}
		return called != action
	})
	_, err := u.try("config/rotate-root", nil)
	require.Error(u.t, err)
	hook(nil)
}

// killedWhileTried rotates and kills the plugin once the new access key is stored.
func (u *ramUser) killedWhileTried() {
	u.t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := u.try("config/rotate-root", nil)
		ended <- err
	}()
	require.NoError(u.t, u.s.vault.Await(func() bool {
		answer, err := u.client.Logical().Read(u.path + "/config")
		return err == nil && answer != nil && answer.Data["pending_access_key"] != ""
	}))
	u.kill()
	require.Error(u.t, <-ended)
}

func TestPluginKilledAtEachStepOfARotationGoesOnWithAnAccessKeyThatWorks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		u := s.withOwnVault(t, "rotation").ramUser(t)
		u.write("keys/a", nil)
		plaintext := newPlaintext()
		ciphertext := u.encrypt("a", plaintext)
		works := func(keys int) {
			t.Helper()
			u.s.comesBack(t, func() error {
				_, err := u.try("decrypt/a", map[string]any{"ciphertext": ciphertext})
				return err
			})
			require.Equal(t, plaintext, u.decrypt("a", u.encrypt("a", plaintext)))
			require.Len(t, u.ram.Keys(), keys)
		}
		for _, action := range []string{"ListAccessKeys", "CreateAccessKey"} {
			u.killedAt(action, u.ram.Before)
			works(1)
		}
		u.killedAt("CreateAccessKey", u.ram.After)
		works(2)
		orphan := u.ram.Keys()[1].ID
		_, err := u.try("config/rotate-root", nil)
		u.refused(err, http.StatusConflict, "delete_access_key="+orphan)
		u.write("config/rotate-root", map[string]any{"delete_access_key": orphan})
		works(1)
		u.killedWhileTried()
		works(2)
		second := u.ram.Keys()[1].ID
		require.Equal(t, second, u.write("config/rotate-root", nil)["access_key"])
		works(2)
		shown := u.read("config")
		require.Equal(t, second, shown["access_key"])
		require.Equal(t, u.first, shown["retiring_access_key"])
		u.ram.Remove(u.first)
		works(1)
	})
}

func TestRotationNeedsItsOwnPathAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		u := s.ramUser(t)
		const policy = `path "%[1]s/config/rotate-root" {
				capabilities = ["update"]
				denied_parameters = { "delete_access_key" = [] }
			}`
		rotator := u.as(s.vault.token(t, u.path, policy))
		_, err := rotator.client.Logical().Read(u.path + "/config")
		u.refused(err, http.StatusForbidden)
		_, err = rotator.try("config", map[string]any{"max_retries": 1})
		u.refused(err, http.StatusForbidden)
		_, err = rotator.try("config/rotate-root", map[string]any{"delete_access_key": u.first})
		u.refused(err, http.StatusForbidden)
		require.Equal(t, u.first, rotator.write("config/rotate-root", nil)["retiring_access_key"])
		writer := u.as(s.vault.token(t, u.path, `path "%[1]s/config" { capabilities = ["update"] }`))
		_, err = writer.try("config/rotate-root", nil)
		u.refused(err, http.StatusForbidden)
	})
}
