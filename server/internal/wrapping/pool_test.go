package wrapping

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maker generates keys, each in one second of the bubble's time, and counts them.
type maker struct {
	t               testing.TB
	made            atomic.Int64
	working, atOnce atomic.Int64
	fail            atomic.Bool
}

var errMaker = errors.New("no keys today")

func (m *maker) generate(context.Context) (*Key, error) {
	m.atOnce.Store(max(m.atOnce.Load(), m.working.Add(1)))
	defer m.working.Add(-1)
	time.Sleep(time.Second)
	m.made.Add(1)
	if m.fail.Load() {
		return nil, errMaker
	}
	return newKey(m.t), nil
}

// workers returns how many keys a pool generates at once. Each worker of a full pool holds one more key.
func workers() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// spare returns how many keys are ready.
func (p *Pool) spare() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready)
}

// inBubble runs test with a pool. The bubble fails the test if a goroutine of the pool is still running at the end.
func inBubble(t *testing.T, test func(t *testing.T, m *maker, p *Pool)) {
	sharedDER()
	synctest.Test(t, func(t *testing.T) {
		m := &maker{t: t}
		p := NewPool(m.generate)
		defer p.Close()
		test(t, m, p)
	})
}

func TestAPoolFillsItselfAndStops(t *testing.T) {
	inBubble(t, func(t *testing.T, m *maker, p *Pool) {
		time.Sleep(time.Hour)
		require.EqualValues(t, PoolSize+workers(), m.made.Load())
		require.Equal(t, PoolSize, p.spare())
		for range PoolSize {
			_, err := p.Get(t.Context(), "a")
			require.NoError(t, err)
		}
		time.Sleep(time.Hour)
		require.EqualValues(t, 2*PoolSize+workers(), m.made.Load(), "and refills itself")
	})
}

func TestAPoolStartsQuietlyUnlessAKeyIsWanted(t *testing.T) {
	inBubble(t, func(t *testing.T, m *maker, _ *Pool) {
		time.Sleep(quietStart - time.Millisecond)
		synctest.Wait()
		require.Zero(t, m.working.Load())
		time.Sleep(2 * time.Millisecond)
		require.EqualValues(t, workers(), m.working.Load())
	})
	inBubble(t, func(t *testing.T, m *maker, p *Pool) {
		start := time.Now()
		_, err := p.Get(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestAFullPoolAnswersAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
		time.Sleep(time.Hour)
		start := time.Now()
		for range PoolSize {
			_, err := p.Get(t.Context(), "a")
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(start))
	})
}

func TestABurstUsesHalfOfTheCores(t *testing.T) {
	inBubble(t, func(t *testing.T, m *maker, p *Pool) {
		const callers = 4 * PoolSize
		var all sync.WaitGroup
		var seen sync.Map
		for i := range callers {
			all.Go(func() {
				key, err := p.Get(t.Context(), string(rune('a'+i%4)))
				if err != nil {
					t.Error(err)
				}
				seen.Store(key, true)
			})
		}
		all.Wait()
		different := 0
		seen.Range(func(any, any) bool { different++; return true })
		require.Equal(t, callers, different, "no two callers got the same key")
		require.EqualValues(t, workers(), m.atOnce.Load())
	})
}

func TestACallerMayStopWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := p.Get(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = p.Get(t.Context(), "a")
		require.NoError(t, err, "the key that was being generated is not lost")
	})
}

func TestAFailureIsReportedAndDoesNotLast(t *testing.T) {
	inBubble(t, func(t *testing.T, m *maker, p *Pool) {
		m.fail.Store(true)
		_, err := p.Get(t.Context(), "a")
		require.ErrorIs(t, err, errMaker)
		m.fail.Store(false)
		for range PoolSize + workers() {
			if _, err = p.Get(t.Context(), "a"); err == nil {
				return
			}
		}
		t.Fatal("only keys generated in the meantime may fail")
	})
}

func TestCloseEndsEveryWait(t *testing.T) {
	for name, wait := range map[string]time.Duration{
		"before it starts": 0, "while it generates keys": quietStart + time.Second/2, "when it is full": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
				time.Sleep(wait)
				start := time.Now()
				p.Close()
				p.Close()
				require.LessOrEqual(t, time.Since(start), time.Second, "it waits only for the keys under way")
				require.Zero(t, p.spare())
				_, err := p.Get(t.Context(), "a")
				require.ErrorIs(t, err, context.Canceled)
			})
		})
	}
	t.Run("also that of a caller", func(t *testing.T) {
		inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
			failed := make(chan error)
			go func() {
				_, err := p.Get(t.Context(), "a")
				failed <- err
			}()
			synctest.Wait()
			p.Close()
			require.ErrorIs(t, <-failed, context.Canceled)
		})
	})
}

func TestCloseClearsUnusedKeys(t *testing.T) {
	var mu sync.Mutex
	var kept []*Key
	p := NewPool(func(context.Context) (*Key, error) {
		mu.Lock()
		defer mu.Unlock()
		key := newKey(t)
		kept = append(kept, key)
		return key, nil
	})
	taken, err := p.Get(t.Context(), "a")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(kept) == 1+PoolSize+workers()
	}, time.Minute, time.Millisecond, "until the pool is full, and every worker holds one more")
	p.Close()
	for _, key := range kept {
		require.Equal(t, key != taken, key.private == nil)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if _, err := Generate(kmsapi.WrappingKeySpecRSA2048); err != nil {
			b.Fatal(err)
		}
	}
}
