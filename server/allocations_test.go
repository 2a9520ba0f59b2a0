package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Allocations are counted, not timed: a count is the same on every machine, so it may fail a test. These bounds are
// some more than what BenchmarkRequest shows, since under the race detector pools lose a part of what they are given.
func TestARequestTakesFewAllocations(t *testing.T) {
	l := newPairLab(t, nil)
	for _, m := range measuredRequests(l) {
		t.Run(m.name(), func(t *testing.T) {
			const runs = 100
			forms := make([]string, runs+1) // It runs once more than it counts.
			for i := range forms {
				forms[i] = l.signed(m.action, m.pairs...).Form()
			}
			r, answer, next := request(http.MethodPost, "/", "", nil).WithContext(t.Context()), &quiet{header: http.Header{}}, 0
			got := testing.AllocsPerRun(runs, func() {
				r.Body = readCloser{strings.NewReader(forms[next])}
				l.service.ServeHTTP(answer, r)
				next++
			})
			require.Equal(t, http.StatusOK, answer.status)
			require.LessOrEqual(t, got, m.allocations)
		})
	}
}
