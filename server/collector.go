package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// stateCollector tells, at each scrape, what the service is like at that moment.
type stateCollector struct {
	server *Server
}

var (
	noncesDesc      = prometheus.NewDesc("alicloudkms_nonces", "Nonces in memory.", nil, nil)
	storeFailedDesc = prometheus.NewDesc("alicloudkms_store_failed", "1 after a failed commit: the store is read-only until a restart.", nil, nil)
	auditFailedDesc = prometheus.NewDesc("alicloudkms_audit_failed", "1 while audit lines can't be written: all requests are refused.", nil, nil)
	certificateDesc = prometheus.NewDesc("alicloudkms_certificate_expiry_timestamp_seconds", "When the TLS certificate in use ends.", nil, nil)
	keysDesc        = prometheus.NewDesc("alicloudkms_keys", "CMKs, by account, region and state.", []string{"account", "region", "state"}, nil)
)

// Describe implements [prometheus.Collector].
func (stateCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{noncesDesc, storeFailedDesc, auditFailedDesc, certificateDesc, keysDesc} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (sc stateCollector) Collect(out chan<- prometheus.Metric) {
	s := sc.server.service
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(noncesDesc, float64(s.nonces.Len()))
	gauge(storeFailedDesc, oneIf(s.store.Err() != nil))
	gauge(auditFailedDesc, oneIf(s.audit.Err() != nil))
	if end, ok := sc.server.certificate.notAfter(); ok {
		gauge(certificateDesc, float64(end.Unix()))
	}
	counts, err := s.keys.CountByState(context.Background(), s.clock())
	if err != nil {
		out <- prometheus.NewInvalidMetric(keysDesc, err)
		return
	}
	for k, n := range counts {
		gauge(keysDesc, float64(n), k.Account, k.Region, string(k.State))
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
