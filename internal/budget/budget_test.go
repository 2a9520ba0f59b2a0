package budget

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func take(t *testing.T, b *Budget, n int64) (release func()) {
	t.Helper()
	release, ok := b.Take(n)
	require.True(t, ok)
	return release
}

func refuses(t *testing.T, b *Budget, n int64) {
	t.Helper()
	_, ok := b.Take(n)
	require.False(t, ok)
}

func TestNoMoreIsHeldThanTheBudget(t *testing.T) {
	b := New(10, nil)
	first := take(t, b, 6)
	refuses(t, b, 5)
	refuses(t, b, math.MaxInt64)
	second := take(t, b, 4)
	refuses(t, b, 1)
	first()
	first() // It gives back only once.
	refuses(t, b, 7)
	take(t, b, 6)()
	second()
	take(t, b, 10)
}

func TestWhatIsTakenIsTakenOfTheOuterBudgetToo(t *testing.T) {
	whole := New(10, nil)
	a, b := New(8, whole), New(8, whole)
	of := take(t, a, 7)
	refuses(t, b, 4)
	take(t, b, 3)()
	take(t, b, 3)
	of()
	refuses(t, a, 8)
	take(t, a, 7)
}

func TestBudgetHoldsUnderConcurrency(t *testing.T) {
	whole := New(100, nil)
	var held, most atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		b := New(60, whole)
		group.Go(func() {
			for range 1000 {
				if release, ok := b.Take(30); ok {
					if now := held.Add(30); now > most.Load() {
						most.Store(now)
					}
					held.Add(-30)
					release()
				}
			}
		})
	}
	group.Wait()
	require.LessOrEqual(t, most.Load(), int64(100))
	take(t, whole, 100)
}
