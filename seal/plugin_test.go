package seal

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// remote is a wrapper in another process.
type remote interface {
	wrapping.Wrapper
	wrapping.InitFinalizer
}

// A host runs the plugin as OpenBao does: in a process of its own, which it restarts when it has died.
type host struct {
	r        *rig
	log      *testlog.Buffer
	settings map[string]string

	mu      sync.Mutex // guards the fields below
	process *goplugin.Client
	pid     int
	wrapper remote
	killed  map[remote]bool
}

func newHost(r *rig, changes map[string]string) *host {
	r.t.Helper()
	h := &host{r: r, log: &testlog.Buffer{}, settings: r.settings(changes), killed: map[remote]bool{}}
	require.NoError(r.t, h.start())
	r.t.Cleanup(func() { h.process.Kill() })
	return h
}

// start needs the lock unless only one goroutine uses h.
func (h *host) start() error {
	var command *exec.Cmd
	h.process, command = startPlugin(h.log)
	var err error
	if h.wrapper, err = h.dispense(h.settings); err == nil {
		h.pid = command.Process.Pid
	}
	return err
}

// pluginCommand runs this test's own program as the plugin.
func pluginCommand() *exec.Cmd { return exec.Command(os.Args[0], "-test.run=^$") }

// startPlugin starts the plugin as OpenBao does, with the environment of the host.
func startPlugin(log io.Writer) (*goplugin.Client, *exec.Cmd) {
	command := pluginCommand()
	return goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig,
		VersionedPlugins: plugin.PluginSets,
		Cmd:              command,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log}),
	}), command
}

// dispense returns another wrapper in the same process.
func (h *host) dispense(settings map[string]string) (remote, error) {
	conn, err := h.process.Client()
	if err != nil {
		return nil, err
	}
	raw, err := conn.Dispense("wrapper")
	if err != nil {
		return nil, err
	}
	w := raw.(remote)
	if _, err := w.SetConfig(h.r.t.Context(), wrapping.WithConfigMap(settings)); err != nil {
		return nil, err
	}
	return w, w.Init(h.r.t.Context())
}

func (h *host) current() remote {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wrapper
}

// revive restarts the process if dead is a wrapper of the current one.
func (h *host) revive(dead remote) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wrapper != dead {
		return nil
	}
	h.process.Kill()
	return h.start()
}

// wasKilled reports whether w's process was killed, so that an error of w means nothing.
func (h *host) wasKilled(w remote) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.killed[w]
}

// errKilled is the error of a call whose process was killed twice.
var errKilled = errors.New("the plugin was killed again")

// do calls use, and once more if the process was killed.
func (h *host) do(use func(remote) error) error {
	w := h.current()
	err := use(w)
	if err == nil || !h.wasKilled(w) {
		return err
	}
	if err := h.revive(w); err != nil {
		return err
	}
	w = h.current()
	if err = use(w); err != nil && h.wasKilled(w) {
		return errKilled
	}
	return err
}

func (h *host) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.killed[h.wrapper] = true
	_ = syscall.Kill(h.pid, syscall.SIGKILL)
}

func TestThePluginSealsInAnotherProcess(t *testing.T) {
	r := newRig(t)
	r.alias("alias/unseal", r.key)
	h := newHost(r, map[string]string{"kms_key_id": "alias/unseal"})
	kind, err := h.wrapper.Type(t.Context())
	require.NoError(t, err)
	require.Equal(t, Type, kind)
	require.Equal(t, r.key, r.current(h.wrapper))

	local, aad := r.wrapper(nil), wrapping.WithAad([]byte("a path"))
	r.opens(local, r.seal(h.wrapper, "root key", aad, nil), "root key", aad)
	r.opens(h.wrapper, r.seal(local, "root key", aad), "root key", aad)
	r.opens(h.wrapper, r.seal(h.wrapper, ""), "")

	t.Run("one process has many wrappers", func(t *testing.T) {
		next := r.newKey()
		second, err := h.dispense(r.settings(map[string]string{"kms_key_id": next}))
		require.NoError(t, err)
		require.Equal(t, next, r.current(second))
		require.Equal(t, r.key, r.current(h.wrapper))
		r.opens(second, r.seal(h.wrapper, "root key"), "root key")
		require.NoError(t, second.Finalize(t.Context()))
		_, err = second.Encrypt(t.Context(), []byte("root key"))
		require.Error(t, err)
		r.opens(h.wrapper, r.seal(h.wrapper, "root key"), "root key")
	})
	t.Run("the host gets advice", func(t *testing.T) {
		_, err := h.dispense(r.settings(map[string]string{"secret_key": "canary-secret"}))
		require.ErrorContains(t, err, "IncompleteSignature")
		require.ErrorContains(t, err, "check secret_key")
		require.NotContains(t, err.Error(), "canary")

		blob := r.seal(h.wrapper, "root key")
		r.disable(r.key)
		_, err = h.wrapper.Decrypt(t.Context(), blob)
		require.ErrorContains(t, err, string(kmsapi.ErrRejectedDisabled.Code))
		require.ErrorContains(t, err, "enable it in KMS")
		r.enable(r.key)
		r.opens(h.wrapper, blob, "root key")
	})
	require.NoError(t, h.wrapper.Finalize(t.Context()))
	for _, secret := range []string{"canary", "root key", r.kms.AccessKeySecret.Reveal()} {
		require.NotContains(t, h.log.String(), secret)
	}
}

// Each time the process is killed, its users find a new one, and no call gets a wrong answer.
func TestThePluginSurvivesKillsInUse(t *testing.T) {
	r := newRig(t)
	h := newHost(r, nil)
	blob := r.seal(h.wrapper, "root key")
	var all sync.WaitGroup
	var unseals atomic.Int64
	var over atomic.Bool
	for range 4 {
		all.Go(func() {
			for !over.Load() {
				var opened []byte
				err := h.do(func(w remote) (err error) {
					opened, err = w.Decrypt(t.Context(), blob)
					return err
				})
				if errors.Is(err, errKilled) {
					continue
				}
				if err != nil || string(opened) != "root key" {
					t.Error("an unseal failed:", err)
					return
				}
				unseals.Add(1)
			}
		})
	}
	for range 3 {
		for before := unseals.Load(); unseals.Load() < before+20 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		h.kill()
	}
	for before := unseals.Load(); unseals.Load() < before+20 && !t.Failed(); {
		time.Sleep(time.Millisecond)
	}
	over.Store(true)
	all.Wait()
}
