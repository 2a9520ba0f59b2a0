package page

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// filled is a service with n keys.
func filled(t testing.TB, n int) *service {
	t.Helper()
	return start(t, func(c *server.Config) { require.NoError(t, servertest.Fill(t.Context(), *c, n)) })
}

// fetch gets a path of the operations listener, and returns the size of the answer.
func (s *service) fetch(path string) int {
	s.t.Helper()
	resp, err := http.Get("http://" + s.OpsAddress() + path)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return len(body)
}

func TestAHundredThousandKeysMakeNoLargerPage(t *testing.T) {
	const many = 100_000
	few, s := filled(t, 10), filled(t, many)
	require.InDelta(t, few.fetch("/"), s.fetch("/"), 50)
	begun := time.Now()
	b := open(t, s.url(), desktop)
	t.Logf("the browser has shown the page after %s", time.Since(begun))
	require.Contains(t, eval[string](b, `document.querySelector('.summary').innerText`), "100,000")
	require.Equal(t, "100,000", rowsOf(b, "By account")[0][2])
	b.requireQuiet(s.url())
}

// BenchmarkPage measures the answers of the operations listener, over HTTP on loopback, with few keys and with many.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		s := filled(b, n)
		for _, path := range []string{"/", "/healthz", "/metrics"} {
			b.Run(fmt.Sprintf("GET %s, %d keys", path, n), func(b *testing.B) {
				for range b.N {
					b.ReportMetric(float64(s.fetch(path)), "B/page")
				}
			})
		}
	}
}
