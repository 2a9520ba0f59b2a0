package server_test

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// Unlike times, counts of allocations are the same on every machine, so a test can rely on them. The bounds are
// slightly above what BenchmarkRequest shows, since pools drop some of their elements under the race detector.
func TestARequestTakesFewAllocations(t *testing.T) {
	l := newSMLab(t)
	pairs := l.adjust
	l.adjust = func(o server.Options) server.Options {
		return pairs(o).WithCopiesOfOneWrappingKey() // Otherwise, wrapping keys are generated in the background.
	}
	l.restart()
	for _, m := range measuredRequests(l) {
		t.Run(m.name(), func(t *testing.T) {
			r, answer := request(http.MethodPost, "/", "", nil).WithContext(t.Context()), &quiet{header: http.Header{}}
			got := leastAllocations(func() string { return l.signed(m.action, m.pairs...).Form() }, func(form string) {
				r.Body = readCloser{strings.NewReader(form)}
				l.service.ServeHTTP(answer, r)
			})
			require.Equal(t, http.StatusOK, answer.status)
			require.LessOrEqual(t, got, m.allocations)
		})
	}
}

// leastAllocations returns how many allocations use needs, on average over many runs. The count covers the whole
// process, and goroutines of earlier tests can only add to it, so it returns the lowest of several counts.
func leastAllocations(prepare func() string, use func(prepared string)) float64 {
	const runs, counts = 100, 3
	least := math.Inf(1)
	for range counts {
		prepared, next := make([]string, runs+1), 0 // AllocsPerRun runs once more than it counts.
		for i := range prepared {
			prepared[i] = prepare()
		}
		least = min(least, testing.AllocsPerRun(runs, func() { use(prepared[next]); next++ }))
	}
	return least
}
