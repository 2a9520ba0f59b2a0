package contest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Load is what a number of goroutines did, each making one call after the other.
type Load struct {
	Elapsed time.Duration
	// Took holds the duration of every call, sorted.
	Took []time.Duration
}

// Drive calls do from a number of goroutines for d, or limit times in total if limit is not 0. Each call gets a
// different number, counting from 0. The first error ends it.
func Drive(ctx context.Context, goroutines int, d time.Duration, limit int, do func(i int) error) (Load, error) {
	var next atomic.Int64
	var group sync.WaitGroup
	took, failed := make([][]time.Duration, goroutines), make([]error, goroutines)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := time.Now()
	for g := range goroutines {
		group.Go(func() {
			for ctx.Err() == nil && time.Since(began) < d {
				i := int(next.Add(1)) - 1
				if limit > 0 && i >= limit {
					return
				}
				start := time.Now()
				if err := do(i); err != nil {
					failed[g] = err
					stop(err)
					return
				}
				took[g] = append(took[g], time.Since(start))
			}
		})
	}
	group.Wait()
	load := Load{Elapsed: time.Since(began), Took: slices.Concat(took...)}
	slices.Sort(load.Took)
	if err := errors.Join(failed...); err != nil {
		return load, err
	}
	if len(load.Took) == 0 {
		return load, errors.Join(errors.New("no call was made"), context.Cause(ctx))
	}
	return load, nil
}

// Rate is the number of calls per second.
func (l Load) Rate() float64 { return float64(len(l.Took)) / l.Elapsed.Seconds() }

// Quantile is the duration that the share q of all calls did not exceed.
func (l Load) Quantile(q float64) time.Duration {
	return l.Took[min(int(q*float64(len(l.Took))), len(l.Took)-1)]
}

// Sample returns rate and quantiles as a sample.
func (l Load) Sample() Sample {
	return Sample{PerSecond: l.Rate(), P50: milliseconds(l.Quantile(0.50)), P99: milliseconds(l.Quantile(0.99))}
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
