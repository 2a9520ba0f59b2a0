package server_test

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// Allocations are counted, not timed: a count is the same on every machine, so it may fail a test. These bounds are
// some more than what BenchmarkRequest shows, since under the race detector pools lose a part of what they are given.
func TestARequestTakesFewAllocations(t *testing.T) {
	l := newSMLab(t)
	pairs := l.adjust
	l.adjust = func(o server.Options) server.Options {
		return pairs(o).WithCopiesOfOneWrappingKey() // Otherwise they are made in the background meanwhile.
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

// leastAllocations returns how many allocations use needs, on average over many runs. The count is that of the whole
// process, to which what earlier tests have left running only adds, so it is taken some times.
func leastAllocations(prepare func() string, use func(prepared string)) float64 {
	const runs, counts = 100, 3
	least := math.Inf(1)
	for range counts {
		prepared, next := make([]string, runs+1), 0 // It runs once more than it counts.
		for i := range prepared {
			prepared[i] = prepare()
		}
		least = min(least, testing.AllocsPerRun(runs, func() { use(prepared[next]); next++ }))
	}
	return least
}
