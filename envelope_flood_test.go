package alicloudkms

import (
	"context"
	"encoding/base64"
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A gauge counts how many of something there are now, and were at most.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

func (g *gauge) set(n int) { g.now.Store(int64(n) - 1); g.enter() }

// A flood counts the calls to KMS for wrapped keys that are not the key's own, and the goroutines meanwhile. The test
// refuses those calls in place of a service.
type flood struct {
	calls, goroutines gauge
	// tick gets a value for every hundredth call.
	tick chan struct{}
}

func (r *rig) flooded(own envelope.Header) *flood {
	f, ownBlob := &flood{tick: make(chan struct{}, 1000)}, base64.StdEncoding.EncodeToString(own.Wrapped)
	var n atomic.Int64
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		if asks, ok := q.(*kmsapi.DecryptRequest); !ok || asks.CiphertextBlob == ownBlob {
			return nil, nil
		}
		f.calls.enter()
		defer f.calls.leave()
		if n.Add(1)%100 == 0 {
			f.goroutines.set(runtime.NumGoroutine())
			f.tick <- struct{}{}
		}
		runtime.Gosched()
		return nil, answered(kmsapi.ErrKeyNotFound)
	}
	return f
}

var floodSize = flag.Int("flood", 20_000, "how many wrapped data keys TestAFloodOfWrappedKeysIsBounded sends")

// For a longer run: go test -run AFlood . -flood 100000.
func TestAFloodOfWrappedKeysIsBounded(t *testing.T) {
	for name, test := range map[string]struct{ wrapped, parallel, most int }{
		"by the mount's own bound": {*floodSize, 0, maxStrays},
		"by max_parallel":          {*floodSize / 10, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newNodes(t, "a").rig
			r.write("config", body{"max_parallel": test.parallel})
			r.backend().Logger().SetLevel(hclog.Error)
			h := r.headerOf("a")
			f, before, goroutines := r.flooded(h), r.kms.count(kmsapi.OpDecrypt), runtime.NumGoroutine()
			var floods, user sync.WaitGroup
			user.Go(func() {
				for range f.tick {
					if _, err := r.tryWrite("encrypt/a", body{"plaintext": hello}); err != nil {
						t.Error(err)
					}
				}
			})
			for range 2 {
				floods.Go(func() {
					for range 10 {
						batch := body{"batch_input": itemsOf(strays(test.wrapped/20, h))}
						if _, err := r.tryWrite("decrypt/a", batch); err != nil {
							t.Error(err)
						}
					}
				})
			}
			floods.Wait()
			close(f.tick)
			user.Wait()
			require.EqualValues(t, test.most, f.calls.most.Load())
			require.Equal(t, test.wrapped, r.kms.count(kmsapi.OpDecrypt)-before, "encryption makes no call")
			require.Equal(t, 1, r.backend().dataKeys.Stats().Cached, "the newest data key")
			// Each worker of a batch has a call, and may have one that is done, but whose goroutine has not ended yet.
			require.LessOrEqual(t, int(f.goroutines.most.Load()), goroutines+3*2*defaultBatchParallel+10)
		})
	}
}

func itemsOf(ciphertexts []string) (items []any) {
	for _, ciphertext := range ciphertexts {
		items = append(items, object("ciphertext", ciphertext))
	}
	return items
}

func TestRequestsThatAreGivenUpLeaveNothingBehind(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	h := r.headerOf("a")
	wait := make(chan struct{})
	r.kms.before = func(ctx context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDecrypt {
			select {
			case <-wait:
			case <-ctx.Done():
			}
		}
		return answered(kmsapi.ErrKeyNotFound)
	}
	defer close(wait)
	before := runtime.NumGoroutine()
	for range 10 {
		ctx, giveUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, stray := range strays(100, h) {
			all.Go(func() { _, _ = r.tryIn(ctx, logical.UpdateOperation, "decrypt/a", body{"ciphertext": stray}) })
		}
		time.AfterFunc(time.Millisecond, giveUp)
		all.Wait()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+5 }, time.Minute, time.Millisecond)
}
