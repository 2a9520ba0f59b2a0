package etcd_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

const benchRecords = 100_000

func benchKey(i int) string { return fmt.Sprintf("cmk/account/%016x", uint64(i)*0x9E3779B97F4A7C15) }

// fill puts benchRecords records of 512 bytes into s.
func fill(b *testing.B, s store.Store) {
	b.Helper()
	value := make([]byte, 512)
	for from := 0; from < benchRecords; from += 1000 {
		require.NoError(b, s.Update(b.Context(), func(w store.Writer) (err error) {
			for i := range 1000 {
				err = errors.Join(err, w.Put(benchKey(from+i), value))
			}
			return err
		}))
	}
}

// BenchmarkGet compares a view that reads one of 100,000 records with bbolt's.
func BenchmarkGet(b *testing.B) {
	file, err := bolt.Open(filepath.Join(b.TempDir(), "kms.db"), store.Options{})
	require.NoError(b, err)
	defer file.Close()
	client := dial(b, etcdtest.Start(b, etcdtest.Options{NoSync: true}).Endpoints()...)
	for name, s := range map[string]store.Store{"bbolt": file, "etcd": lead(b, join(b, client), "a").Store()} {
		fill(b, s)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					key := benchKey(i % benchRecords)
					_ = s.View(b.Context(), func(r store.Reader) error { _, err := r.Get(key); return err })
				}
			})
		})
	}
}

// BenchmarkUpdate measures durable updates of 512 bytes, from one goroutine and from 64 that share commits, on an etcd
// whose members sync their disk.
func BenchmarkUpdate(b *testing.B) {
	for _, members := range []int{1, 3} {
		client := dial(b, etcdtest.Start(b, etcdtest.Options{Members: members}).Endpoints()...)
		term := lead(b, join(b, client), "a")
		for _, parallel := range []int{1, 64} {
			b.Run(fmt.Sprintf("members=%d/c=%d", members, parallel), func(b *testing.B) {
				value := make([]byte, 512)
				var next atomic.Int64
				b.SetParallelism(max(parallel/runtime.GOMAXPROCS(0), 1))
				if parallel == 1 {
					for i := range b.N {
						require.NoError(b, put(b, term.Store(), benchKey(i), string(value)))
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if err := put(b, term.Store(), benchKey(int(next.Add(1))), string(value)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			})
		}
	}
}

// BenchmarkLoad measures how long a node needs to load 100,000 records of 512 bytes, how much memory they take, and how
// long a backup takes.
func BenchmarkLoad(b *testing.B) {
	client := dial(b, etcdtest.Start(b, etcdtest.Options{NoSync: true}).Endpoints()...)
	first := join(b, client)
	fill(b, lead(b, first, "a").Store())
	require.NoError(b, first.Close())
	before := heap()
	for range b.N {
		began := time.Now()
		n := join(b, client)
		for n.Status().Mark == "" {
			time.Sleep(time.Millisecond)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/load")
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		require.NoError(b, n.Close())
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
