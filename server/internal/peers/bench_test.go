package peers

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkForward measures what forwarding adds to a request of Encrypt's length. Both nodes are in one process, so it
// includes the processor time of both.
func BenchmarkForward(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("c=%d", callers), func(b *testing.B) {
			s := newSite(b)
			active := s.active("a", say("%s", strings.Repeat("x", 350)))
			standby := s.node("b", nil)
			r := post(strings.Repeat("x", 600))
			_, err := standby.Forward(b.Context(), active.peer, r)
			require.NoError(b, err)
			b.ReportAllocs()
			began := time.Now()
			b.ResetTimer()
			var running sync.WaitGroup
			for c := range callers {
				running.Go(func() {
					for n := c; n < b.N; n += callers {
						if _, err := standby.Forward(b.Context(), active.peer, r); err != nil {
							b.Error(err)
						}
					}
				})
			}
			running.Wait()
			took := time.Since(began)
			b.ReportMetric(float64(b.N)/took.Seconds(), "requests/s")
			b.ReportMetric(float64(took.Microseconds())*float64(callers)/float64(b.N), "µs/request")
		})
	}
}
