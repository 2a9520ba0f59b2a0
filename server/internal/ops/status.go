package ops

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Status is the state of the service at one time.
type Status struct {
	// Nonces is the number of nonces in memory.
	Nonces int
	// StoreFailed says that the store is read-only after a failed commit, and AuditFailed that audit lines can't be
	// written.
	StoreFailed, AuditFailed bool
	// ConfigStale says that the last reload has failed, so the service runs on an older configuration than the file's.
	ConfigStale bool
	// CertificateExpiry is when the TLS certificate in use expires; zero means that there is none.
	CertificateExpiry time.Time
	// Keys is the number of CMKs by account, region and state. KeysErr says why it is not known.
	Keys    []KeyCount
	KeysErr error
	// Secrets is the number of secrets by account and region. SecretsErr says why it is not known.
	Secrets    []SecretCount
	SecretsErr error
}

// KeyCount is the number of CMKs of an account and region in a state.
type KeyCount struct {
	Account, Region string
	State           kmsapi.KeyState
	Number          int
}

// SecretCount is the number of secrets of an account and region, with those that are to be deleted.
type SecretCount struct {
	Account, Region string
	Number          int
}

// Watch adds the status of the service, at the time of each scrape, to m.
func (m *Metrics) Watch(status func(context.Context) Status) {
	m.registry.MustRegister(statusCollector{status})
}

type statusCollector struct {
	status func(context.Context) Status
}

var (
	noncesDesc      = describe("nonces", "Nonces in memory.")
	storeFailedDesc = describe("store_failed", "1 after a failed commit: the store is read-only until a restart.")
	auditFailedDesc = describe("audit_failed", "1 while audit lines can't be written: all requests are refused.")
	configStaleDesc = describe("config_stale",
		"1 after a reload that failed, until one succeeds: the service runs on an older configuration than its file's.")
	certificateDesc = describe("certificate_expiry_timestamp_seconds", "When the TLS certificate in use expires.")
	keysDesc        = describe("keys", "Keys, by account, region and state.", "account", "region", "state")
	secretsDesc     = describe("secrets", "Secrets, by account and region.", "account", "region")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namePrefix+name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (statusCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		noncesDesc, storeFailedDesc, auditFailedDesc, configStaleDesc, certificateDesc, keysDesc, secretsDesc,
	} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c statusCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := c.status(context.Background())
	gauge(noncesDesc, float64(s.Nonces))
	gauge(storeFailedDesc, oneIf(s.StoreFailed))
	gauge(auditFailedDesc, oneIf(s.AuditFailed))
	gauge(configStaleDesc, oneIf(s.ConfigStale))
	if !s.CertificateExpiry.IsZero() {
		gauge(certificateDesc, float64(s.CertificateExpiry.Unix()))
	}
	if s.KeysErr != nil {
		out <- prometheus.NewInvalidMetric(keysDesc, s.KeysErr)
	}
	for _, k := range s.Keys {
		gauge(keysDesc, float64(k.Number), k.Account, k.Region, string(k.State))
	}
	if s.SecretsErr != nil {
		out <- prometheus.NewInvalidMetric(secretsDesc, s.SecretsErr)
	}
	for _, secret := range s.Secrets {
		gauge(secretsDesc, float64(secret.Number), secret.Account, secret.Region)
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
