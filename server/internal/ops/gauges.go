package ops

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Watch adds the status of the service to m, read at each scrape.
func (m *Metrics) Watch(status func() Status) { m.registry.MustRegister(statusCollector{status}) }

type statusCollector struct{ status func() Status }

var (
	noncesDesc      = describe("nonces", "Nonces in memory.")
	storeFailedDesc = describe("store_failed", "1 after a failed commit: the store is read-only until a restart.")
	storeBytesDesc  = describe("store_size_bytes", "Size of the store's file, or of the data of etcd.")
	auditFailedDesc = describe("audit_failed", "1 while audit lines can't be written: all requests are refused.")
	configStaleDesc = describe("config_stale",
		"1 after a reload that failed, until one succeeds: the service runs with an older configuration than its file has.")
	certificateDesc = describe("certificate_expiry_timestamp_seconds",
		"When the first of the TLS certificates in use expires.")
	gatewayCertificateDesc = describe("gateway_certificate_expiry_timestamp_seconds",
		"When the TLS certificate of a gateway expires.", "gateway")
	clusterCertificateDesc = describe("cluster_certificate_expiry_timestamp_seconds",
		"When the certificate that a node shows to the other nodes (node), or to etcd (etcd), expires.", "certificate")
	keysDesc      = describe("keys", "Keys, by account, region and state.", "account", "region", "state")
	secretsDesc   = describe("secrets", "Secrets, by account and region.", "account", "region")
	rateLimitDesc = describe("rate_limit",
		"Requests a second of a class that an account may send in a region; none for a class without a limit.", "class")
	gatewayLimitDesc = describe("gateway_rate_limit",
		"Requests a second of each class that a dedicated gateway serves.", "gateway")
	nextDueDesc = describe("next_due_timestamp_seconds",
		"When the next key is deleted or loses imported material (key_loss), the next secret is deleted (secret_deletion) "+
			"and the next key is rotated (rotation); none if nothing is planned.", "event")
	startDesc = describe("start_time_seconds", "When the service was started.")
	infoDesc  = describe("info", "1, with the version of the program and of the storage layout.", "version", "layout")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namePrefix+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (statusCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		noncesDesc, storeFailedDesc, storeBytesDesc, auditFailedDesc, configStaleDesc, certificateDesc,
		gatewayCertificateDesc, clusterCertificateDesc, keysDesc, secretsDesc, rateLimitDesc, gatewayLimitDesc,
		nextDueDesc, startDesc, infoDesc, quotaDesc,
	} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c statusCollector) Collect(out chan<- prometheus.Metric) {
	s, g := c.status(), gauges(out)
	g.set(storeFailedDesc, oneIf(s.StoreErr != nil))
	g.set(auditFailedDesc, oneIf(s.AuditErr != nil))
	g.set(configStaleDesc, oneIf(!s.StaleSince.IsZero()))
	g.setTime(startDesc, s.Started)
	g.set(infoDesc, 1, s.Version, strconv.Itoa(s.Layout))
	g.certificates(s)
	g.figures(s.Figures())
	records, err := s.Records(context.Background(), 1)
	if err != nil {
		out <- prometheus.NewInvalidMetric(keysDesc, err)
	}
	g.records(records)
}

// gauges receives the values of gauges.
type gauges chan<- prometheus.Metric

// set sets a gauge. A label from the store that is not UTF-8 must not end the process, so it is reported as an invalid
// metric.
func (g gauges) set(d *prometheus.Desc, value float64, labels ...string) {
	metric, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, value, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(d, err)
	}
	g <- metric
}

// setTime sets a gauge to a time, unless it is zero.
func (g gauges) setTime(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		g.set(d, float64(at.Unix()), labels...)
	}
}

func (g gauges) certificates(s Status) {
	g.setTime(certificateDesc, s.firstExpiry())
	for _, c := range s.Certificates {
		if c.For == ForClients {
			g.setTime(gatewayCertificateDesc, c.Expires, c.Gateway)
		} else {
			g.setTime(clusterCertificateDesc, c.Expires, string(c.For))
		}
	}
}

func (g gauges) figures(f Figures) {
	g.set(noncesDesc, float64(f.Nonces))
	g.set(storeBytesDesc, float64(f.StoreBytes))
	for _, limit := range f.Limits {
		if limit.PerSecond >= 0 {
			g.set(rateLimitDesc, float64(limit.PerSecond), string(limit.Class))
		}
	}
	for _, limit := range f.GatewayLimits {
		g.set(gatewayLimitDesc, float64(limit.PerSecond), limit.Gateway)
	}
	g.quotas(f.Quotas)
}

func (g gauges) records(r Records) {
	for _, k := range r.Keys {
		g.set(keysDesc, float64(k.Number), k.Account, k.Region, string(k.State))
	}
	for _, secret := range r.Secrets {
		g.set(secretsDesc, float64(secret.Number), secret.Account, secret.Region)
	}
	for name, events := range map[string][]Event{
		"key_loss": r.Losses, "secret_deletion": r.SecretDeletions, "rotation": r.Rotations,
	} {
		if len(events) > 0 {
			g.setTime(nextDueDesc, events[0].At, name)
		}
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
