package ops

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Metrics counts what the service does, in a registry of its own. No label has a value that a caller can choose:
// operations that are not in the catalogue are counted as "unknown".
type Metrics struct {
	registry *prometheus.Registry
	// events has the counters of registry that the page shows.
	events        *prometheus.Registry
	requests      *prometheus.CounterVec
	gateways      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	nonceRefusals *prometheus.CounterVec
	throttled     *prometheus.CounterVec
	panics        prometheus.Counter
	dropped       *prometheus.CounterVec
	notHTTP       prometheus.Counter
	reloads       *prometheus.CounterVec
	rotations     prometheus.Counter
	// node is registered only in a cluster.
	node nodeCounters
}

const (
	// unknownAction is the label of requests whose operation does not exist or was not yet known when they ended.
	unknownAction = "unknown"
	// successCode is the label of requests that were not refused.
	successCode = "OK"
)

// Labels are the values of labels that other packages define.
type Labels struct {
	// Gateways are the gateways that [Metrics.Answered] will be called with.
	Gateways []string
	// NonceRefusals are the reasons of [Metrics.NonceRefused].
	NonceRefusals []string
	// Bounds are the bounds of [Metrics.ConnectionClosed].
	Bounds []string
}

// NewMetrics returns metrics with every series at zero, so that the first event of a kind shows as an increase.
func NewMetrics(labels Labels) *Metrics {
	m := &Metrics{
		registry:      prometheus.NewRegistry(),
		events:        prometheus.NewRegistry(),
		requests:      counters(nameRequests, helpRequests, "action", "code"),
		gateways:      counters("gateway_requests_total", "Requests answered, by the gateway that received them.", "gateway"),
		duration:      durations("request_duration_seconds", helpDuration, "action"),
		nonceRefusals: counters(nameNonceRefusals, helpNonceRefusals, "reason"),
		throttled:     counters(nameRateLimited, "Requests refused by a rate limit, by its class.", "class"),
		panics:        prometheus.NewCounter(counterOpts(namePanics, "Requests that failed because of a bug.")),
		dropped:       counters(nameClosed, helpDropped, "bound"),
		notHTTP:       prometheus.NewCounter(counterOpts(nameNotHTTP, helpNotHTTP)),
		reloads:       counters("reloads_total", "Reloads of the configuration, by result.", "result"),
		rotations:     prometheus.NewCounter(counterOpts(nameRotations, "Automatic rotations of keys.")),
		node:          newNodeCounters(),
	}
	m.registry.MustRegister(m.requests, m.gateways, m.duration, m.nonceRefusals, m.throttled, m.panics, m.reloads,
		m.dropped, m.notHTTP, m.rotations, operationInfo(),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.events.MustRegister(m.requests, m.throttled, m.nonceRefusals, m.dropped, m.panics, m.notHTTP, m.rotations,
		m.node.forwarded)
	for _, operation := range kmsapi.Operations() {
		m.requests.WithLabelValues(string(operation), successCode)
	}
	for _, gateway := range labels.Gateways {
		m.gateways.WithLabelValues(gateway)
	}
	for _, class := range kmsapi.RateClasses() {
		m.throttled.WithLabelValues(string(class))
	}
	for _, reason := range labels.NonceRefusals {
		m.nonceRefusals.WithLabelValues(reason)
	}
	for _, bound := range labels.Bounds {
		m.dropped.WithLabelValues(bound)
	}
	for _, result := range []string{"ok", "failed"} {
		m.reloads.WithLabelValues(result)
	}
	return m
}

func counterOpts(name, help string) prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: namePrefix + name, Help: help}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(counterOpts(name, help), labels)
}

func durations(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: namePrefix + name, Help: help, Buckets: prometheus.ExponentialBuckets(100e-6, 2, 16), // 100 µs to 3.3 s
	}, labels)
}

const (
	helpRequests      = "Requests answered, by operation and error code; the code of success is OK."
	helpDuration      = "Time from the arrival of a request to its audit line."
	helpDropped       = "Connections closed because a bound was reached, by the bound."
	helpNotHTTP       = "Connections answered with 400, 417, 431 or 501 because no request could be read from them."
	helpNonceRefusals = "Requests refused because their nonce was used, or too old to tell."
)

// namePrefix begins the names of the service's own metrics.
const namePrefix = "alicloudkms_"

// The names of the counters that the page shows too, without namePrefix.
const (
	nameRequests      = "requests_total"
	nameNonceRefusals = "nonce_refusals_total"
	nameRateLimited   = "rate_limited_total"
	namePanics        = "panics_total"
	nameClosed        = "connections_closed_total"
	nameNotHTTP       = "not_http_total"
	nameRotations     = "rotations_total"
	nameForwarded     = "cluster_forwarded_total"
)

// Answered counts a request, whose code is "" for success.
func (m *Metrics) Answered(gateway, action string, code kmsapi.Code, took time.Duration) {
	if !kmsapi.Operation(action).Known() {
		action = unknownAction
	}
	if code == "" {
		code = successCode
	}
	m.requests.WithLabelValues(action, string(code)).Inc()
	m.gateways.WithLabelValues(gateway).Inc()
	m.duration.WithLabelValues(action).Observe(took.Seconds())
}

// Panicked counts a request that failed with a panic.
func (m *Metrics) Panicked() { m.panics.Inc() }

// ConnectionClosed counts a connection that was closed because a bound was reached.
func (m *Metrics) ConnectionClosed(bound string) { m.dropped.WithLabelValues(bound).Inc() }

// AnsweredByHTTP counts a connection that was answered although no request could be read from it.
func (m *Metrics) AnsweredByHTTP() { m.notHTTP.Inc() }

// NonceRefused counts a request whose nonce was refused.
func (m *Metrics) NonceRefused(reason string) { m.nonceRefusals.WithLabelValues(reason).Inc() }

// RateLimited counts a request that was refused by a rate limit.
func (m *Metrics) RateLimited(class kmsapi.RateClass) {
	m.throttled.WithLabelValues(string(class)).Inc()
}

// Rotated counts an automatic rotation of a key.
func (m *Metrics) Rotated() { m.rotations.Inc() }

// Reloaded counts a reload, with its error.
func (m *Metrics) Reloaded(err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// handler answers scrapes.
func (m *Metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	})
}
