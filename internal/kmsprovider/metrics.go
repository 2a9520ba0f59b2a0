package kmsprovider

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc/codes"
	kms "k8s.io/kms/apis/v2"
)

// namePrefix begins the names of the provider's own metrics.
const namePrefix = "alicloudkms_kms_provider_"

// metrics are what an operator sees of a provider.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	checks    *prometheus.CounterVec
	healthy   prometheus.Gauge
	lastCheck prometheus.Gauge
	key       *prometheus.GaugeVec
	// mu makes the change of key a single step.
	mu sync.Mutex
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: namePrefix + "requests_total", Help: "Requests answered, by method and gRPC code.",
		}, []string{"method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: namePrefix + "request_duration_seconds", Help: "Time from a request to its answer.",
			Buckets: prometheus.ExponentialBuckets(100e-6, 2, 18), // 100 µs to 13 s
		}, []string{"method"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: namePrefix + "checks_total", Help: "Checks of the key, by result.",
		}, []string{"result"}),
		healthy: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: namePrefix + "healthy", Help: "1 if the last check of the key succeeded, and otherwise 0.",
		}),
		lastCheck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: namePrefix + "last_successful_check_timestamp_seconds", Help: "When the key was last found to be usable.",
		}),
		key: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: namePrefix + "key_info", Help: "1 for the key id that encrypts now.",
		}, []string{"key_id"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.checks, m.healthy, m.lastCheck, m.key,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, method := range kms.KeyManagementService_ServiceDesc.Methods {
		m.requests.WithLabelValues(method.MethodName, codes.OK.String())
	}
	for _, result := range []string{checkOK, checkFailed} {
		m.checks.WithLabelValues(result)
	}
	return m
}

const (
	checkOK     = "ok"
	checkFailed = "failed"
)

func (m *metrics) answered(method string, code codes.Code, took time.Duration) {
	m.requests.WithLabelValues(method, code.String()).Inc()
	m.duration.WithLabelValues(method).Observe(took.Seconds())
}

func (m *metrics) checked(err error, at time.Time) {
	if err != nil {
		m.healthy.Set(0)
		m.checks.WithLabelValues(checkFailed).Inc()
		return
	}
	m.healthy.Set(1)
	m.lastCheck.Set(float64(at.UnixMilli()) / 1000)
	m.checks.WithLabelValues(checkOK).Inc()
}

func (m *metrics) encryptsWith(keyID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key.Reset()
	m.key.WithLabelValues(keyID).Set(1)
}
