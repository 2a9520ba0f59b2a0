package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// metrics counts what the service does, in a registry of its own. No label has a value that a caller can choose: operations
// are those of the table, and all others are "unknown".
type metrics struct {
	registry      *prometheus.Registry
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	nonceRefusals *prometheus.CounterVec
	throttled     *prometheus.CounterVec
	panics        prometheus.Counter
	reloads       *prometheus.CounterVec
}

// unknownAction is the label of requests for an operation that does not exist, or that ended before it was known.
const unknownAction = "unknown"

// successCode is the label of requests that were not refused.
const successCode = "OK"

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alicloudkms_requests_total", Help: "Requests answered, by operation and error code; the code of success is OK.",
		}, []string{"action", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "alicloudkms_request_duration_seconds", Help: "Time from a request's coming to its audit line.",
			Buckets: prometheus.ExponentialBuckets(100e-6, 2, 16), // 100 µs to 3.3 s
		}, []string{"action"}),
		nonceRefusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alicloudkms_nonce_refusals_total", Help: "Requests refused because their nonce was used, or too old to tell.",
		}, []string{"reason"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alicloudkms_rate_limited_total", Help: "Requests refused by a rate limit, by its class.",
		}, []string{"class"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "alicloudkms_panics_total", Help: "Requests that failed by a bug.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "alicloudkms_reloads_total", Help: "Reloads of the configuration, by result.",
		}, []string{"result"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.nonceRefusals, m.throttled, m.panics, m.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.fill()
	return m
}

// fill lets every series begin at zero, so that the first event of a kind is seen as a rise.
func (m *metrics) fill() {
	for operation := range actions {
		m.requests.WithLabelValues(string(operation), successCode)
	}
	for class := range defaultRates {
		m.throttled.WithLabelValues(string(class))
	}
	for _, reason := range []string{"used", "too_old"} {
		m.nonceRefusals.WithLabelValues(reason)
	}
	for _, result := range []string{"ok", "failed"} {
		m.reloads.WithLabelValues(result)
	}
}

// answered counts a request.
func (m *metrics) answered(action string, code kmsapi.Code, took time.Duration) {
	if _, known := actions[kmsapi.Operation(action)]; !known {
		action = unknownAction
	}
	if code == "" {
		code = successCode
	}
	m.requests.WithLabelValues(action, string(code)).Inc()
	m.duration.WithLabelValues(action).Observe(took.Seconds())
}

func (m *metrics) nonceRefused(reason string) { m.nonceRefusals.WithLabelValues(reason).Inc() }

func (m *metrics) rateLimited(operation kmsapi.Operation) {
	m.throttled.WithLabelValues(string(operation.RateClass())).Inc()
}

func (m *metrics) reloaded(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// handler answers scrapes.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	})
}
