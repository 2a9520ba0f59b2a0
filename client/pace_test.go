package client

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// quota is a KMS that answers a number of requests a second, with a burst of the same size.
type quota struct {
	limiter             *rate.Limiter
	mu                  sync.Mutex // guards what follows
	answered, throttled int
}

func newQuota(perSecond int) *quota {
	return &quota{limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond)}
}

// ask sends a request at the pace of p until it is not throttled, and returns an error if time runs out.
func (q *quota) ask(ctx context.Context, p *pace) error {
	for {
		if err := p.wait(ctx); err != nil {
			return err
		}
		sent := time.Now()
		time.Sleep(2 * time.Millisecond) // the way to the server
		allowed := q.limiter.Allow()
		q.count(allowed)
		if allowed {
			p.succeeded()
			return nil
		}
		p.throttled(sent, kmsapi.ErrThrottling)
	}
}

func (q *quota) count(allowed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if allowed {
		q.answered++
	} else {
		q.throttled++
	}
}

// askMany asks n times, 32 at a time, as a batch of the engine does, and returns the errors.
func (q *quota) askMany(ctx context.Context, p *pace, n int) (errs []error) {
	items, failed := make(chan struct{}, n), make(chan error, n)
	for range n {
		items <- struct{}{}
	}
	close(items)
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range items {
				if err := q.ask(ctx, p); err != nil {
					failed <- err
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		errs = append(errs, err)
	}
	return errs
}

func TestManyRequestsAreAnsweredNearTheQuota(t *testing.T) {
	for name, tc := range map[string]struct {
		perSecond, requests int
		within              time.Duration
		throttled           int
	}{
		"a small quota":         {perSecond: 20, requests: 100, within: 8 * time.Second, throttled: 50},
		"a quota of one":        {perSecond: 1, requests: 10, within: 15 * time.Second, throttled: 60},
		"the quota of a region": {perSecond: 1000, requests: 10_000, within: 15 * time.Second, throttled: 500},
		"no need for a pace":    {perSecond: 1000, requests: 500, within: time.Second, throttled: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, p, began := newQuota(tc.perSecond), new(pace), time.Now()
				require.Empty(t, q.askMany(t.Context(), p, tc.requests))
				took := time.Since(began)
				t.Logf("%d requests took %s, and KMS throttled %d times", tc.requests, took, q.throttled)
				require.Less(t, took, tc.within, "on the clock of the test")
				require.Equal(t, tc.requests, q.answered)
				require.Less(t, q.throttled, tc.throttled, "KMS is asked little more than it answers")
			})
		})
	}
}

func TestARequestWhoseTurnComesTooLateIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, p := newQuota(20), new(pace)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		errs := q.askMany(ctx, p, 1000)
		require.Equal(t, 1000, len(errs)+q.answered)
		require.Greater(t, q.answered, 40)
		require.Less(t, time.Since(began), 2*time.Second+10*time.Millisecond)
		for _, err := range errs {
			require.ErrorIs(t, err, kmsapi.ErrThrottling)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(pace)
		time.Sleep(time.Second)
		p.throttled(time.Now(), kmsapi.ErrThrottling)
		require.NoError(t, p.wait(t.Context()), "the first turn")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		require.ErrorIs(t, p.wait(ctx), context.Canceled)
	})
}

func TestAPaceIsForgottenWhenKMSNoLongerThrottles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, p := newQuota(20), new(pace)
		require.Empty(t, q.askMany(t.Context(), p, 60))
		require.NotZero(t, p.gap.Load())
		time.Sleep(forgetAfter + time.Second)
		require.NoError(t, q.ask(t.Context(), p))
		require.Zero(t, p.gap.Load())
	})
}

// An outage that follows throttling has no successes. The pace must not outlive it.
func TestAPaceIsForgottenAlsoWhenNothingSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(pace)
		for range 20 {
			p.throttled(time.Now(), kmsapi.ErrThrottling)
			time.Sleep(time.Second)
		}
		require.Equal(t, time.Duration(float64(time.Second)/slowestRate), time.Duration(p.gap.Load()))
		time.Sleep(forgetAfter)
		began := time.Now()
		for range 20 {
			require.NoError(t, p.wait(t.Context()))
		}
		require.Equal(t, began, time.Now())
	})
}

func TestThrottlingOfRequestsSentBeforeDoesNotSlowAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(pace)
		time.Sleep(time.Second)
		sent := time.Now()
		time.Sleep(time.Millisecond)
		for range 32 {
			p.throttled(sent, kmsapi.ErrThrottling)
		}
		require.Equal(t, int64(float64(time.Second)/firstRate), p.gap.Load())
	})
}

func TestWithoutThrottlingAPaceAllocatesNothing(t *testing.T) {
	p, ctx := new(pace), t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = p.wait(ctx)
		p.succeeded()
	}))
}
