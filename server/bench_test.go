package server_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// quiet is a ResponseWriter that keeps only the status, so that only the service is measured.
type quiet struct {
	header http.Header
	status int
}

func (q *quiet) Header() http.Header            { return q.header }
func (q *quiet) WriteHeader(status int)         { q.status = status }
func (q *quiet) Write(body []byte) (int, error) { return len(body), nil }

// benchmark sends signed requests to the service, one after another. Each takes all steps: signature, nonce, audit
// line. pairs returns the parameters of the i-th.
func (l *lab) benchmark(b *testing.B, action string, pairs func(i int) []string) {
	l.t = b
	forms := make([]string, b.N)
	for i := range forms {
		forms[i] = l.signed(action, pairs(i)...).Form()
	}
	r := request(http.MethodPost, "/", "", nil).WithContext(b.Context())
	answer := &quiet{header: http.Header{}}
	b.ReportAllocs()
	b.ResetTimer()
	for _, form := range forms {
		r.Body = readCloser{strings.NewReader(form)}
		l.service.ServeHTTP(answer, r)
	}
	b.StopTimer()
	require.Equal(b, http.StatusOK, answer.status)
}

// BenchmarkRequest measures requests without the network.
func BenchmarkRequest(b *testing.B) {
	l := newSMLab(b)
	for _, m := range measuredRequests(l) {
		b.Run(m.name(), func(b *testing.B) { l.benchmark(b, m.action, func(int) []string { return m.pairs }) })
	}
}

// BenchmarkScale compares a service with few CMKs and aliases to one with many. Its requests are spread over the whole
// store.
func BenchmarkScale(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		l := newFilledLab(b, n)
		ids := l.everyPage(100, "ListKeys")
		spread := func(i int) string { return ids[i*7919%n] }
		for _, bc := range []struct {
			name  string
			pairs func(i int) []string
		}{
			{"Encrypt", func(i int) []string { return []string{"KeyId", spread(i), "Plaintext", "c2VjcmV0"} }},
			{"DescribeKey", func(i int) []string { return []string{"KeyId", spread(i)} }},
			{"ListKeys", func(i int) []string { return []string{"PageNumber", strconv.Itoa(1 + i*7919%(n/10))} }},
			{"ListKeys by tag", filtersOf(`[{"Key":"TagValue","Values":["team-7"]}]`)},
			{"ListKeys by tag key", filtersOf(`[{"Key":"TagKey","Values":["team"]}]`)},
			{"ListKeys by state", filtersOf(`[{"Key":"KeyState","Values":["Enabled"]}]`)},
			{"ListKeys by protection level", filtersOf(`[{"Key":"ProtectionLevel","Values":["HSM"]}]`)},
			{"ListKeys by alias", filtersOf(`[{"Key":"AliasName","Values":["filled/0000007"]}]`)},
			{"ListAliases", func(i int) []string { return []string{"PageNumber", strconv.Itoa(1 + i*7919%(n/10))} }},
		} {
			action, _, _ := strings.Cut(bc.name, " ")
			b.Run(fmt.Sprintf("%s/%d", bc.name, n), func(b *testing.B) { l.benchmark(b, action, bc.pairs) })
		}
		b.Run(fmt.Sprintf("Open/%d", n), func(b *testing.B) {
			for range b.N {
				l.close()
				l.open()
			}
		})
		b.Run(fmt.Sprintf("ListKeys by tag, the first/%d", n), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				l.close()
				l.open()
				l.now = l.now.Add(time.Second) // After a start, earlier timestamps are refused.
				b.StartTimer()
				l.must("ListKeys", filtersOf(`[{"Key":"TagValue","Values":["team-7"]}]`)(0)...)
			}
		})
	}
}

// filtersOf returns the parameters of a ListKeys request with filters.
func filtersOf(filters string) func(int) []string {
	return func(int) []string { return []string{"Filters", filters} }
}

// BenchmarkCreateKey measures CreateKey, with everything that a request costs except the network, against the least
// durable write: a bbolt transaction with one put of the size of the record.
func BenchmarkCreateKey(b *testing.B) {
	b.Run("bbolt, one put a transaction", func(b *testing.B) {
		db, err := bbolt.Open(filepath.Join(b.TempDir(), "raw.db"), 0o600,
			&bbolt.Options{FreelistType: bbolt.FreelistMapType})
		require.NoError(b, err)
		defer func() { require.NoError(b, db.Close()) }()
		value := make([]byte, 600)
		b.ResetTimer()
		for range b.N {
			require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
				bucket, err := tx.CreateBucketIfNotExists([]byte("records"))
				if err != nil {
					return err
				}
				return bucket.Put([]byte(uuid.NewString()), value)
			}))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "keys/s")
	})
	for _, parallel := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("c=%d", parallel), func(b *testing.B) {
			l := newLab(b, nil)
			forms := make(chan string, b.N)
			for range b.N {
				forms <- l.signed("CreateKey").Form()
			}
			close(forms)
			b.ResetTimer()
			var group sync.WaitGroup
			for range parallel {
				group.Go(func() {
					r, answer := request(http.MethodPost, "/", "", nil).WithContext(b.Context()), &quiet{header: http.Header{}}
					for form := range forms {
						r.Body = readCloser{strings.NewReader(form)}
						if l.service.ServeHTTP(answer, r); answer.status != http.StatusOK {
							b.Errorf("status %d", answer.status)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}
