package alicloudkms

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A clock drives an engine.
type clock interface {
	now() time.Time
	wait(context.Context, time.Duration) error
}

// standby returns a rig for another node of the same cluster, which may not write and hears of changes only if a test
// calls Invalidate.
func (r *rig) standby(by clock) *rig {
	r.t.Helper()
	other := *r
	other.become(func(view *logical.StaticSystemView) {
		view.ReplicationStateVal = consts.ReplicationPerformanceStandby
	})
	other.backend().process.now, other.backend().process.wait = by.now, by.wait
	return &other
}

func (r *rig) hears(path string) { r.backend().Invalidate(r.t.Context(), path) }

func TestNodeThatHearsLateOpensWhatANewKMSKeyHasEncrypted(t *testing.T) {
	for name, hears := range map[string]int{"never": 0, "in time": 1, "twice": 2} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			clock := r.withClock()
			second, third := r.standby(clock), r.standby(clock)
			first := r.encrypt("a", hello)
			second.opens("a", first)
			third.opens("a", first)
			r.write("keys/a/rotate", body{"new_cmk": true})
			for range hears {
				second.hears(keyPrefix + "a")
				third.hears(keyPrefix + "a")
			}
			clock.time = clock.time.Add(2 * time.Second)
			newest := r.encrypt("a", hello)
			r.storage.reset("put", -1) // These nodes may not write.
			second.opens("a", newest, first)
			require.Equal(t, 2, version(t, second.encrypt("a", hello)))
			if hears == 0 {
				require.Equal(t, 1, version(t, third.encrypt("a", hello)), "it goes on with what it knows")
			}
			third.write("encrypt/a", body{"plaintext": hello, "key_version": 2})
			third.opens("a", newest, first)
			require.Equal(t, 2, version(t, third.encrypt("a", hello)))
		})
	}
}

func TestForeignCiphertextsCostOneReadASecond(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	clock := r.withClock()
	other := r.standby(clock)
	foreign := r.encrypt("b", hello)
	other.opens("a", r.encrypt("a", hello))
	items := make([]any, 100)
	for i := range items {
		items[i] = body{"ciphertext": foreign}
	}
	for range 10 {
		clock.time = clock.time.Add(999 * time.Millisecond)
		r.storage.reset("", 0)
		for range 3 {
			_, err := other.tryWrite("decrypt/a", body{"ciphertext": foreign})
			refused(t, err, 403)
		}
		other.write("decrypt/a", body{"batch_input": items})
		require.LessOrEqual(t, r.storage.total(), 1)
	}
	clock.time = clock.time.Add(time.Second)
	r.storage.reset("get", -1)
	_, err := other.tryWrite("decrypt/a", body{"ciphertext": foreign})
	refused(t, err, 403)
}

func TestNodeThatHearsLateStillRefusesWhatIsForeign(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	clock := r.withClock()
	other := r.standby(clock)
	other.opens("a", r.encrypt("a", hello))
	r.write("keys/a/rotate", body{"new_cmk": true})
	clock.time = clock.time.Add(time.Minute)
	_, err := other.tryWrite("decrypt/a", body{"ciphertext": r.encrypt("b", hello)})
	refused(t, err, 403)
	r.write("keys/a/deregister", nil)
	clock.time = clock.time.Add(time.Minute)
	_, err = other.tryWrite("decrypt/a", body{"ciphertext": r.encrypt("b", hello)})
	refused(t, err, 403)
	_, err = other.tryWrite("encrypt/a", body{"plaintext": hello, "key_version": 9})
	require.Error(t, err)
}

// While versions come and go, a request never opens a version that was excluded before the request began.
func TestOldestVersionHoldsUnderLoad(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertexts := map[int]string{1: r.encrypt("a", hello)}
	for n := 2; n <= 6; n++ {
		r.write("keys/a/rotate", body{"new_cmk": n%2 == 0})
		ciphertexts[n] = r.encrypt("a", hello)
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var oldest sync.Map
	oldest.Store("", 1)
	for worker := range 4 {
		load.Go(func() {
			for i := worker; ctx.Err() == nil; i++ {
				n := i%6 + 1
				before, _ := oldest.Load("")
				_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertexts[n]})
				if n < before.(int) && err == nil {
					t.Errorf("version %d opens, and %d is the oldest that may", n, before)
				}
				if n == 6 && err != nil {
					t.Errorf("the newest version does not open: %v", err)
				}
			}
		})
	}
	for n := 2; n <= 6; n++ {
		r.write("keys/a/config", body{"min_decryption_version": n})
		oldest.Store("", n)
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	load.Wait()
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertexts[5]})
	refused(t, err, 400)
	require.Zero(t, r.kms.count(kmsapi.OpReEncrypt))
}

func TestNodeThatNeverHearsGoesOnOnceItsKMSKeyIsOutOfUse(t *testing.T) {
	r := newKeyRig(t, "a")
	clock := r.withClock()
	other := r.standby(clock)
	first := r.encrypt("a", hello)
	other.opens("a", first)
	old := r.keyID("a")
	r.write("keys/a/rotate", body{"new_cmk": true})
	r.direct().do(&kmsapi.ScheduleKeyDeletionRequest{KeyId: old, PendingWindowInDays: 7})
	clock.time = clock.time.Add(time.Minute)
	require.Equal(t, 2, version(t, other.encrypt("a", hello)))
	_, err := other.tryWrite("decrypt/a", body{"ciphertext": first})
	refused(t, err, 409, "scheduled for deletion")
}
