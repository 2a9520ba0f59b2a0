package bolt_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// BenchmarkUpdate measures durable updates of 512 bytes, from one goroutine and from 64 that share commits.
func BenchmarkUpdate(b *testing.B) {
	for _, parallel := range []int{1, 64} {
		b.Run(fmt.Sprintf("c=%d", parallel), func(b *testing.B) {
			s := open(b, newPath(b), store.Options{})
			value := make([]byte, 512)
			var next, started atomic.Int64
			done := make(chan error, parallel)
			b.ResetTimer()
			for range parallel {
				go func() {
					for started.Add(1) <= int64(b.N) {
						key := fmt.Sprintf("%016x", uint64(next.Add(1))*0x9E3779B97F4A7C15)
						err := s.Update(b.Context(), func(w store.Writer) error { return w.Put(key, value) })
						if err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range parallel {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}
