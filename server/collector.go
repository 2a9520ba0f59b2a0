package server

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
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
	counts, err := s.countKeys(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(keysDesc, err)
		return
	}
	for k, n := range counts {
		gauge(keysDesc, float64(n), k.account, k.region, string(k.state))
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// keyKind is what CMKs are counted by.
type keyKind struct {
	account, region string
	state           kmsapi.KeyState
}

func (s *Service) countKeys(ctx context.Context) (map[keyKind]int, error) {
	counts, now := map[keyKind]int{}, s.clock()
	err := s.store.View(ctx, func(r store.Reader) error {
		err := r.Scan(statePrefix, "", func(path string, value []byte) (bool, error) {
			n, err := parseCount(path, value)
			at := strings.Split(path, "/")
			counts[keyKind{at[1], at[2], kmsapi.KeyState(at[3])}] = n
			return true, err
		})
		if err != nil {
			return err
		}
		return dueBy(r, now, func(d dueCMK) error { return settleCount(r, d, now, counts) })
	})
	maps.DeleteFunc(counts, func(_ keyKind, n int) bool { return n == 0 })
	return counts, err
}

// settleCount counts a CMK as what time has made of it, and not as what it was.
func settleCount(r store.Reader, d dueCMK, now time.Time, counts map[keyKind]int) error {
	path := cmkPath(d.scope, d.keyID)
	value, err := r.Get(path)
	if err != nil {
		return err
	}
	record, err := decodeCMK(path, value)
	if err != nil {
		return err
	}
	counts[keyKind{d.scope.Account, d.scope.Region, record.Lifecycle.State}]--
	if _, gone := record.settle(now); !gone {
		counts[keyKind{d.scope.Account, d.scope.Region, record.Lifecycle.State}]++
	}
	return nil
}
