package ops

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ofNode are the certificates of a node: one is valid, one expires soon, and one has expired.
var ofNode = []Certificate{
	{ForClients, "shared", now.Add(100 * day)},
	{ForClients, "plain", time.Time{}},
	{ForNodes, "", now.Add(10 * day)},
	{ForEtcd, "", now.Add(-time.Minute)},
}

func statusWith(certificates []Certificate) Status {
	return Status{
		At: now, Started: now, Certificates: certificates, Usage: func() []Usage { return nil },
		Figures: func() Figures { return Figures{} },
		Records: func(context.Context, int) (Records, error) { return Records{}, nil },
	}
}

func TestAllCertificatesAreMetrics(t *testing.T) {
	m := NewMetrics(Labels{})
	m.Watch(func() Status { return statusWith(ofNode) })
	metrics := asked(t, m.handler(slog.New(slog.DiscardHandler)), "/metrics").Body.String()
	for _, line := range []string{
		`certificate_expiry_timestamp_seconds 1.79533794e+09`,
		`cluster_certificate_expiry_timestamp_seconds{certificate="etcd"} 1.79533794e+09`,
		`cluster_certificate_expiry_timestamp_seconds{certificate="node"} 1.796202e+09`,
		`gateway_certificate_expiry_timestamp_seconds{gateway="shared"} 1.803978e+09`,
	} {
		require.Contains(t, metrics, "\nalicloudkms_"+line+"\n")
	}
	require.NotContains(t, metrics, `gateway="plain"`)
}

// asked returns a handler's answer to a request for path.
func asked(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil))
	return answer
}

func TestThePageHasAllCertificates(t *testing.T) {
	o := Options{
		Status: func() Status { return statusWith(ofNode) }, Metrics: NewMetrics(Labels{}),
		Log: slog.New(slog.DiscardHandler),
	}
	page := asked(t, page(o), "/").Body.String()
	for _, shown := range []string{
		"<title>degraded", "The certificate for etcd has expired.", "The certificate of this node expires in 10 days.",
		`>of gateway shared</th><td class="">100 days<`, `>of gateway plain</th><td colspan="2">plain HTTP<`,
		`>of this node</th><td class="soon">10 days<`, `>for etcd</th><td class="bad">expired<`,
	} {
		require.Contains(t, page, shown)
	}
}

func TestTheHealthOfANodeHasItsCertificates(t *testing.T) {
	answer := asked(t, nodeHealth(fine, func() Status { return Status{At: now, Certificates: ofNode} }), "/healthz")
	require.Equal(t, http.StatusOK, answer.Code, "a load balancer goes on to use the node")
	var body struct {
		Warnings     []string
		Certificates []map[string]string
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body))
	require.Equal(t, []string{
		"The certificate for etcd has expired", "The certificate of this node expires in 10 days",
	}, body.Warnings)
	require.Equal(t, []map[string]string{
		{"for": "gateway", "gateway": "shared", "expires": "2027-03-02T09:00:00Z"},
		{"for": "node", "expires": "2026-12-02T09:00:00Z"},
		{"for": "etcd", "expires": "2026-11-22T08:59:00Z"},
	}, body.Certificates)
}

func TestCertificatesAreMentionedInTime(t *testing.T) {
	many := make([]Certificate, 0, 8)
	for range cap(many) {
		many = append(many, Certificate{ForClients, "kst-a", now})
	}
	for name, tc := range map[string]struct {
		certificates []Certificate
		want         string
	}{
		"none":                        {nil, ""},
		"plain HTTP":                  {[]Certificate{{ForClients, "shared", time.Time{}}}, ""},
		"one that is good for longer": {[]Certificate{{ForClients, "shared", now.Add(14*day + time.Second)}}, ""},
		"one that expires soon": {
			[]Certificate{{ForNodes, "", now.Add(14 * day)}}, "The certificate of this node expires in 14 days.\n",
		},
		"one that expires now": {[]Certificate{{ForEtcd, "", now}}, "The certificate for etcd has expired.\n"},
		"many": {
			many, strings.Repeat("The certificate of gateway kst-a has expired.\n", 5) +
				"The same holds for 3 more certificates.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := asked(t, health(func() Status { return Status{At: now, Certificates: tc.certificates} }), "/healthz")
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, "ok\n"+tc.want, answer.Body.String())
		})
	}
}
