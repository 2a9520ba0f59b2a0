package alicloudkms

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// mountAgain unmounts the engine and mounts it again, as a reload does: at the same path, in the same process and with
// the same storage.
func (r *rig) mountAgain() {
	r.t.Helper()
	before := r.backend()
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView, conf.Logger = logical.TestSystemView(), r.storage, r.logger()
	after, err := newBackend(r.t.Context(), conf, before.process)
	require.NoError(r.t, err)
	before.Cleanup(r.t.Context())
	r.b = after
}

func (r *rig) cached() int { return r.backend().dataKeys.Stats().Cached }

// A crossing is a change after which no data key that was unwrapped before may be used, although the name of the key,
// or the path of the mount, is the same.
type crossing struct {
	// do makes the change. text is an earlier ciphertext.
	do func(r *rig, text string)
	// status is the status of decrypting text afterwards, and 0 if it opens.
	status int
}

// registering deregisters the key, and registers one with these fields instead.
func registering(fields func(r *rig, cmk, text string) body, more ...body) func(*rig, string) {
	return func(r *rig, text string) {
		cmk := r.keyID("a")
		r.write("keys/a/deregister", nil)
		r.write("keys/a/register", fields(r, cmk, text))
		for _, config := range more {
			r.write("keys/a/config", config)
		}
	}
}

func writing(path string, data body) func(*rig, string) {
	return func(r *rig, _ string) { r.write(path, data) }
}

func hearing(path string) func(*rig, string) { return func(r *rig, _ string) { r.hears(path) } }

var crossings = map[string]crossing{
	"the key is deregistered": {writing("keys/a/deregister", nil), 404},
	"it is deregistered, and another KMS key has the name": {registering(func(r *rig, _, _ string) body {
		return body{"key_id": r.newCMK()}
	}, body{"encryption": "envelope"}), 403},
	"it is deregistered, and registered without its ciphertext": {registering(func(_ *rig, cmk, _ string) body {
		return body{"key_id": cmk}
	}, body{"encryption": "envelope"}), 403},
	"it is deregistered, and registered as the former key": {registering(func(_ *rig, cmk, text string) body {
		return body{"key_id": cmk, "envelope_text": text}
	}), 0},
	"the key's config changes": {writing("keys/a/config", body{"deletion_allowed": true}), 0},
	"the key's mode changes":   {writing("keys/a/config", body{"encryption": "direct"}), 0},
	"the key is rotated":       {writing("keys/a/rotate", nil), 0},
	"another KMS key follows":  {writing("keys/a/rotate", body{"new_cmk": true}), 0},
	"the endpoint changes":     {writing("config", with(goodConfig(), body{"endpoint": "kms.example.com"})), 0},
	"the credentials change":   {writing("config", body{"access_key": "LTAIother", "secret_key": "other"}), 0},
	"another node changes the key": {func(r *rig, _ string) {
		other := *r
		other.become(func(*logical.StaticSystemView) {})
		other.write("keys/a/config", body{"deletion_allowed": true})
		r.hears(keyPrefix + "a")
	}, 0},
	"another node configures":       {hearing(configPath), 0},
	"another node restores storage": {hearing(""), 0},
	"the engine is mounted again":   {func(r *rig, _ string) { r.mountAgain() }, 0},
	"the configuration is removed":  {func(r *rig, _ string) { r.remove("config", nil) }, 400},
}

// isServed decrypts text as a request that begins after the crossing.
func (c crossing) isServed(r *rig, text string) {
	r.t.Helper()
	resp, err := r.tryWrite("decrypt/a", body{"ciphertext": text})
	if c.status != 0 {
		refused(r.t, err, c.status)
		return
	}
	require.NoError(r.t, err)
	require.Equal(r.t, hello, resp.Data["plaintext"])
}

// keeps returns how many data keys are cached once a request that began after the crossing was served.
func (c crossing) keeps() int {
	if c.status != 0 {
		return 0
	}
	return 1
}

func TestWhatWasUnwrappedBeforeServesNobodyAfter(t *testing.T) {
	for name, c := range crossings {
		t.Run(name, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			text := r.encrypt("a", hello)
			require.Equal(t, 1, r.cached())
			before := r.backend()
			c.do(r, text)
			require.Zero(t, r.cached())
			require.Zero(t, before.dataKeys.Stats().Cached)
			calls := r.kms.count(kmsapi.OpDecrypt)
			c.isServed(r, text)
			require.Equal(t, calls+c.keeps(), r.kms.count(kmsapi.OpDecrypt))
		})
	}
}

// holdsDecrypt makes the next Decrypt wait, before KMS opens the data key or, if answered is set, after that.
func (r *rig) holdsDecrypt(answered bool) (asked chan struct{}, goOn func()) {
	asked, wait := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	hold := func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDecrypt && held.CompareAndSwap(false, true) {
			close(asked)
			<-wait
		}
		return nil
	}
	if answered {
		r.kms.after = hold
	} else {
		r.kms.before = hold
	}
	return asked, func() { close(wait) }
}

// inFlight sends a request that goes on while the test does something else.
func (r *rig) inFlight(path string, data body) (ended chan *logical.Response) {
	ended = make(chan *logical.Response, 1)
	b, req := r.b, r.request(logical.UpdateOperation, path, data)
	go func() {
		resp, err := b.HandleRequest(r.t.Context(), req)
		if err != nil {
			resp = logical.ErrorResponse("%s", err)
		}
		ended <- resp
	}()
	return ended
}

func TestRequestsInFlightBringNothingBack(t *testing.T) {
	for name, c := range crossings {
		for where, answered := range map[string]bool{"KMS was asked": false, "KMS has answered": true} {
			t.Run(name+" while "+where, func(t *testing.T) {
				r := newEnvelopeRig(t, "a")
				text, before := r.encrypt("a", hello), r.backend()
				r.later(time.Minute)
				asked, goOn := r.holdsDecrypt(answered)
				ended := r.inFlight("decrypt/a", body{"ciphertext": text})
				<-asked
				c.do(r, text)
				c.isServed(r, text)
				require.Equal(t, c.keeps(), r.cached())

				calls := r.kms.count(kmsapi.OpDecrypt)
				goOn()
				if resp := <-ended; !resp.IsError() {
					require.Equal(t, hello, resp.Data["plaintext"])
					require.Less(t, calls, r.kms.count(kmsapi.OpDecrypt), "it has asked KMS again")
				}
				require.Equal(t, c.keeps(), r.cached())
				if before != r.backend() {
					require.Zero(t, before.dataKeys.Stats().Cached)
				}
				calls = r.kms.count(kmsapi.OpDecrypt)
				c.isServed(r, text)
				require.Equal(t, calls, r.kms.count(kmsapi.OpDecrypt), "what is cached is the later request's")
			})
		}
	}
}

// A batch that began before uses many data keys, most of them only after the change.
func TestBatchInFlightBringsNothingBack(t *testing.T) {
	for name, c := range crossings {
		t.Run(name, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			conn, err := r.backend().connection(t.Context(), r.request(logical.ReadOperation, configPath, nil))
			require.NoError(t, err)
			conn.parallel = 1
			var items []any
			for range 5 {
				items = append(items, object("ciphertext", r.encrypt("a", hello)))
				r.write("keys/a/rotate", nil)
			}
			before, text := r.backend(), items[0].(body)["ciphertext"].(string)
			asked, goOn := r.holdsDecrypt(true)
			ended := r.inFlight("decrypt/a", body{"batch_input": items})
			<-asked
			c.do(r, text)
			goOn()
			for _, result := range resultsOf(t, <-ended) {
				require.Equal(t, hello, result["plaintext"], result)
			}
			require.Zero(t, r.cached())
			require.Zero(t, before.dataKeys.Stats().Cached)
		})
	}
}

// Two mounts of a process, and two names of a mount, share nothing, even if everything that they store is the same.
func TestMountsAndNamesAskKMSForThemselves(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	text := r.encrypt("a", hello)
	other := *r
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView, conf.Logger = logical.TestSystemView(), r.storage, r.logger()
	b, err := newBackend(t.Context(), conf, r.backend().process)
	require.NoError(t, err)
	other.b = b
	r.putKey("b", r.storedKey("a"))
	for i, read := range []func(){
		func() { other.opens("a", text, text) }, func() { r.opens("b", text, text) }, func() { other.opens("b", text, text) },
	} {
		calls := r.kms.count(kmsapi.OpDecrypt)
		read()
		require.Equal(t, calls+1, r.kms.count(kmsapi.OpDecrypt), i)
	}
	r.write("keys/a/deregister", nil)
	require.Equal(t, 1, r.cached())
	require.Equal(t, 2, other.cached(), "it has not heard of it")
	r.opens("b", text)
}
