package alicloudkms

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// twoClocks are the clocks behind time.Now, moved by a test: the monotonic clock, which stops while the machine is
// suspended, and the wall clock, which can be set.
type twoClocks struct {
	start           time.Time
	monotonic, wall time.Duration
}

func (c *twoClocks) now() time.Time {
	// Package time can't make such a time, so this relies on how it stores one. The test checks that.
	type stored struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	now, start := c.start.Add(c.wall), c.start
	(*stored)(unsafe.Pointer(&now)).ext = (*stored)(unsafe.Pointer(&start)).ext + int64(c.monotonic)
	return now
}

func newTwoClocks(t *testing.T) *twoClocks {
	t.Helper()
	c := &twoClocks{start: time.Now(), monotonic: time.Minute, wall: -time.Hour}
	require.Equal(t, time.Minute, c.now().Sub(c.start), "the monotonic clock")
	require.Equal(t, -time.Hour, c.now().Round(0).Sub(c.start.Round(0)), "the wall clock")
	c.monotonic, c.wall = 0, 0
	return c
}

func TestDataKeysEndByEitherClock(t *testing.T) {
	for name, test := range map[string]struct {
		monotonic, wall time.Duration
		isOver          bool
	}{
		"the clock was set back":                   {29 * time.Second, -time.Hour, false},
		"the clock was set back a minute ago":      {time.Minute, -time.Hour, true},
		"the machine was suspended":                {time.Second, time.Hour, true},
		"the machine was suspended for a moment":   {time.Second, 29 * time.Second, false},
		"the machine was suspended for a minute":   {0, time.Minute, true},
		"the clock was set forward":                {0, 24 * time.Hour, true},
		"set back while the machine was suspended": {time.Minute, -time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			clocks := newTwoClocks(t)
			r.backend().process.now = clocks.now
			ciphertext := r.encrypt("a", hello)
			disabled(r.direct(), r.keyID("a"))
			calls := r.kms.count(kmsapi.OpDecrypt)
			clocks.monotonic, clocks.wall = test.monotonic, test.wall
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			if test.isOver {
				refused(t, err, 409)
				return
			}
			require.NoError(t, err)
			require.Equal(t, calls, r.kms.count(kmsapi.OpDecrypt))
		})
	}
}

func TestNodeWhoseClockIsSetBackHearsAllTheSame(t *testing.T) {
	n := newNodes(t, "a")
	clocks := newTwoClocks(t)
	other := n.others[0]
	other.backend().process.now = clocks.now
	other.opens("a", n.encrypt("a", hello))
	n.write("keys/a/rotate", nil)
	clocks.monotonic, clocks.wall = 2*time.Second, -time.Hour
	other.opens("a", n.encrypt("a", hello))
}

// A waiter is the context of a request that reports when the request waits for something.
type waiter struct {
	context.Context
	waits func()
}

func (w waiter) Done() <-chan struct{} { w.waits(); return w.Context.Done() }

func TestRequestsThatKMSServesTooLateAskAgainAtTheSameTime(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("config", body{"cache_ttl": 1})
	var passed atomic.Int64
	start := time.Now()
	r.backend().process.now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	request := r.request(logical.UpdateOperation, "encrypt/a", nil)
	conn, k, err := r.backend().target(t.Context(), request, &framework.FieldData{
		Raw: map[string]any{"name": "a"}, Schema: fields.Schemas{"name": nameField()},
	})
	require.NoError(t, err)

	const requests = 3
	var first, again, all sync.WaitGroup
	first.Add(requests)
	again.Add(requests - 1)
	var calls atomic.Int64
	r.kms.before = func(context.Context, kmsapi.Request) error {
		if calls.Add(1) == 1 {
			first.Wait()
		} else {
			again.Done()
			again.Wait() // This waits forever unless they ask at the same time.
		}
		passed.Add(int64(2 * time.Second))
		return nil
	}
	for range requests {
		ctx, release := r.backend().holdingDataKeys(t.Context())
		ctx = waiter{ctx, sync.OnceFunc(first.Done)}
		all.Go(func() {
			defer release()
			row := k.ofRow(conn, k.entry.dataKeys[1])
			err := r.backend().withDataKey(ctx, conn, k, row, func(*envelope.Key) error { return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, requests, calls.Load(), "each was served by a call")
}
