package server

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// host is the part of a service that lives as long as the process, in a cluster through all of its terms. It does not
// depend on the store.
type host struct {
	options      Options
	root         *crypt.RootKey
	wrappingKeys *wrapping.Pool
	keyPairs     *asymmetric.Maker
	// audit is nil until openAudit.
	audit *audit.Log
	// audited says that there is an audit log.
	audited bool
	metrics *ops.Metrics
	// started is when the host was made.
	started time.Time
	clock   func() time.Time
	log     *slog.Logger
	// acceptClock is Options.AcceptClock. A node clears it once it has taken over with it.
	acceptClock atomic.Bool
}

// newHost makes a host with the root key of c. The caller must close it.
func newHost(c Config, o Options) (*host, error) {
	root, err := loadRootKey(c)
	if err != nil {
		return nil, err
	}
	h := &host{
		options: o, root: root, audited: c.Audit != nil, started: o.Clock(), clock: o.Clock, log: o.Logger,
	}
	h.acceptClock.Store(o.AcceptClock)
	h.metrics = ops.NewMetrics(ops.Labels{
		Gateways: gatewayNames(c), NonceRefusals: []string{gate.NonceUsed, gate.NonceTooOld, gate.NonceAhead},
		Bounds: connlimit.Bounds,
	})
	h.wrappingKeys, h.keyPairs = newKeyMakers(o)
	return h, nil
}

// openAudit opens the audit log of c.
func (h *host) openAudit(c Config) (err error) {
	if c.Audit == nil {
		h.audit = audit.Discard()
		return nil
	}
	h.audit, err = audit.Open(c.Audit.File)
	return fieldOf(c, "audit", "file").Fault(err)
}

// auditHealth returns nil if audit lines can be written. After a failure, requests are refused without another attempt
// to write, so auditHealth makes the attempt itself.
func (h *host) auditHealth() error {
	if h.audit.Err() == nil {
		return nil
	}
	return h.retryAudit()
}

func (h *host) close() error {
	h.wrappingKeys.Close()
	if h.audit == nil {
		return nil
	}
	return h.audit.Close()
}

func (h *host) warn(warnings []string) {
	for _, w := range warnings {
		h.log.Warn(w)
	}
}
