package contest

import (
	"context"
	"runtime"
	"time"
)

// Loop calls do for d in this goroutine, and measures time and allocations per call.
func Loop(ctx context.Context, d time.Duration, do func() error) (Sample, error) {
	const atOnce = 16 // Reading the clock costs about as much as a call.
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, done := time.Now(), 0
	for ctx.Err() == nil && time.Since(began) < d {
		for range atOnce {
			if err := do(); err != nil {
				return nil, err
			}
		}
		done += atOnce
	}
	elapsed := time.Since(began)
	runtime.ReadMemStats(&after)
	if done == 0 {
		return nil, context.Cause(ctx)
	}
	return Sample{
		Time:        float64(elapsed.Nanoseconds()) / 1000 / float64(done),
		Allocations: float64(after.Mallocs-before.Mallocs) / float64(done),
	}, nil
}
