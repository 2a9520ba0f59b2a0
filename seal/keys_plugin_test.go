package seal

import (
	"crypto"
	"errors"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A keysHost uses External Keys as OpenBao does: in a process of its own, which is restarted when it has died, and with
// a new key for each request.
type keysHost struct {
	r       *rig
	log     *testlog.Buffer
	options *kms.OpenOptions

	mu      sync.Mutex // guards the fields below
	process *goplugin.Client
	command *exec.Cmd
	opened  kms.KMS
	killed  map[kms.KMS]bool
}

// newKeysHost starts the plugin, which inherits the environment, and opens a KMS.
func newKeysHost(r *rig, options kms.OpenOptions) *keysHost {
	r.t.Helper()
	h := &keysHost{r: r, log: &testlog.Buffer{}, options: &options, killed: map[kms.KMS]bool{}}
	require.NoError(r.t, h.start())
	r.t.Cleanup(func() { h.process.Kill() })
	return h
}

// start needs the lock unless only one goroutine uses h.
func (h *keysHost) start() (err error) {
	h.process, h.command = startPlugin(h.log)
	h.opened, err = h.open(h.options)
	return err
}

func (h *keysHost) open(options *kms.OpenOptions) (kms.KMS, error) {
	conn, err := h.process.Client()
	if err != nil {
		return nil, err
	}
	raw, err := conn.Dispense("kms")
	if err != nil {
		return nil, err
	}
	opened := raw.(kms.KMS)
	return opened, opened.Open(h.r.t.Context(), options)
}

func (h *keysHost) current() kms.KMS {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.opened
}

// revive restarts the process if dead is the KMS of the current one.
func (h *keysHost) revive(dead kms.KMS) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.opened != dead {
		return nil
	}
	h.process.Kill()
	return h.start()
}

func (h *keysHost) wasKilled(opened kms.KMS) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.killed[opened]
}

func (h *keysHost) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed[h.opened] = true
	_ = syscall.Kill(h.command.Process.Pid, syscall.SIGKILL)
}

// do calls use with a new key, and again as long as the process was killed meanwhile.
func (h *keysHost) do(of fields, use func(kms.Key) error) error {
	for {
		opened := h.current()
		k, err := opened.GetKey(h.r.t.Context(), &kms.KeyOptions{ConfigMap: of})
		if err == nil {
			err = use(k)
		}
		if err == nil || !h.wasKilled(opened) {
			return err
		}
		if err := h.revive(opened); err != nil && !h.wasKilled(h.current()) {
			return err
		}
	}
}

func TestExternalKeysWorkInAnotherProcess(t *testing.T) {
	r := newPairRig(t)
	h := newKeysHost(r, kms.OpenOptions{ConfigMap: r.keyFields(nil)})
	k := r.getKey(h.opened, fields{"key_id": r.key, "bound_context": fields{"app": "web"}})
	ciphertext := r.encrypt(k, "plain canary", "aad")
	r.decrypts(k, ciphertext, "aad", "plain canary")
	_, err := tryDecrypt(t, k, ciphertext, "")
	require.ErrorContains(t, err, "bound_context differ")
	other := r.getKey(h.opened, fields{"key_id": r.newKey(), "bound_context": fields{"app": "web"}})
	_, err = tryDecrypt(t, other, ciphertext, "aad")
	require.ErrorContains(t, err, "not of this key")

	pair := r.getKey(h.opened, r.pair(kmsapi.KeySpecRSA2048))
	sign := &kms.SignOptions{Data: []byte("data"), SignerOpts: pssOfHash}
	signature, err := pair.Sign(t.Context(), sign)
	require.NoError(t, err)
	verify := &kms.VerifyOptions{Data: []byte("data"), Signature: signature, SignerOpts: pssOfHash}
	require.NoError(t, pair.Verify(t.Context(), verify))
	verify.Data = []byte("other data")
	require.ErrorIs(t, pair.Verify(t.Context(), verify), kms.ErrInvalidSignature)
	_, err = r.getKey(h.opened, r.pair(kmsapi.KeySpecP256K)).ExportPublic(t.Context())
	require.ErrorIs(t, err, kms.ErrNotImplemented)

	t.Run("the seal is in the same process", func(t *testing.T) {
		conn, err := h.process.Client()
		require.NoError(t, err)
		raw, err := conn.Dispense("wrapper")
		require.NoError(t, err)
		w := raw.(remote)
		_, err = w.SetConfig(t.Context(), wrapping.WithConfigMap(r.settings(nil)))
		require.NoError(t, err)
		r.opens(w, r.seal(w, "root key"), "root key")
	})
	t.Run("its metadata name what must not be shown", func(t *testing.T) {
		conn, err := h.process.Client()
		require.NoError(t, err)
		raw, err := conn.Dispense("metadata")
		require.NoError(t, err)
		shown := raw.(plugin.Metadata)
		require.Equal(t, []string{"access_secret", "proxy", "secret_key", "security_token"}, shown.SensitiveKMSFields)
		require.Empty(t, shown.SensitiveKeyFields)
	})
	t.Run("many configurations are open at a time", func(t *testing.T) {
		second, err := h.open(&kms.OpenOptions{ConfigMap: r.keyFields(nil)})
		require.NoError(t, err)
		other := r.getKey(second, fields{"key_id": r.key, "bound_context": fields{"app": "web"}})
		r.decrypts(other, ciphertext, "aad", "plain canary")
		require.NoError(t, second.Close(t.Context()))
		_, err = tryDecrypt(t, other, ciphertext, "aad")
		require.ErrorContains(t, err, "closed")
		r.decrypts(k, ciphertext, "aad", "plain canary")
	})
	require.NoError(t, h.opened.Close(t.Context()))
	for _, secret := range []string{"canary", r.kms.AccessKeySecret.Reveal()} {
		require.NotContains(t, h.log.String(), secret)
	}
}

// Each time the process is killed, the next request finds a new one, and none gets a wrong answer.
func TestExternalKeysSurviveKillsInUse(t *testing.T) {
	r := newPairRig(t)
	h := newKeysHost(r, kms.OpenOptions{ConfigMap: r.keyFields(nil)})
	encrypting, signing := fields{"key_id": r.key}, r.pair(kmsapi.KeySpecP256)
	ciphertext := r.encrypt(r.getKey(h.opened, encrypting), "hello", "aad")
	uses := []struct {
		of  fields
		use func(kms.Key) error
	}{
		{encrypting, func(k kms.Key) error {
			opened, err := tryDecrypt(t, k, ciphertext, "aad")
			if err == nil && opened != "hello" {
				return errors.New("another plaintext")
			}
			return err
		}},
		{signing, func(k kms.Key) error {
			data := []byte("data")
			signature, err := k.Sign(t.Context(), &kms.SignOptions{Data: data, SignerOpts: crypto.SHA256})
			if err != nil {
				return err
			}
			return k.Verify(t.Context(), &kms.VerifyOptions{Data: data, Signature: signature, SignerOpts: crypto.SHA256})
		}},
	}
	var all sync.WaitGroup
	var count atomic.Int64
	var over atomic.Bool
	for n := range 4 {
		all.Go(func() {
			for !over.Load() {
				if err := h.do(uses[n%2].of, uses[n%2].use); err != nil {
					t.Error("a request failed:", err)
					return
				}
				count.Add(1)
			}
		})
	}
	for turn := range 4 {
		for before := count.Load(); count.Load() < before+20 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		if turn < 3 {
			h.kill()
		}
	}
	over.Store(true)
	all.Wait()
}
