package server

import (
	"context"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// status returns the state of the server for operators.
func (s *Server) status() ops.Status {
	status := s.host.status()
	if service := s.service.Load(); service != nil {
		service.addTo(&status)
	}
	status.StaleSince, status.Certificates = s.staleSince(), s.certificates()
	inMemory := status.Figures
	status.Figures = func() ops.Figures {
		figures := inMemory()
		if s.node != nil {
			figures.StoreBytes = s.node.member.Status().Bytes
		}
		return figures
	}
	return status
}

// certificates returns the certificates of the gateways and of the node.
func (s *Server) certificates() (all []ops.Certificate) {
	for _, id := range slices.Sorted(maps.Keys(s.gateways)) { // The shared one, "", comes first.
		all = append(all, ops.Certificate{
			For: ops.ForClients, Gateway: edge.GatewayName(id), Expires: s.gateways[id].certificate.notAfter(),
		})
	}
	if s.node != nil {
		all = append(all, s.node.certificates()...)
	}
	return all
}

// status returns the state of a process without a service, such as a standby, for operators.
func (h *host) status() ops.Status {
	return ops.Status{
		At: h.clock(), Started: h.started, Version: h.options.Version, Layout: keyring.Layout,
		AuditErr: h.audit.Err(), Audited: h.audited, RetryAudit: h.retryAudit,
		Figures: func() ops.Figures { return ops.Figures{} }, Usage: func() []ops.Usage { return nil },
		Records: func(context.Context, int) (ops.Records, error) { return ops.Records{}, nil },
	}
}

// addTo adds the state of the service to status.
func (s *service) addTo(status *ops.Status) {
	status.StoreErr = s.store.Err()
	status.Figures, status.Usage, status.Records = s.figures, s.usage, s.records
}

// retryAudit tries to write an audit line, for /healthz, and returns nil if lines can be written again.
func (h *host) retryAudit() error {
	return h.audit.Write(audit.Record{
		Time: h.clock(), RequestID: uuid.NewString(), Operation: "healthz", Status: http.StatusServiceUnavailable,
	})
}

func (s *service) figures() ops.Figures {
	figures := ops.Figures{Nonces: s.gate.Nonces(), StoreBytes: s.storeBytes()}
	perSecond, dedicated := s.gate.Limits()
	for _, class := range kmsapi.RateClasses() {
		figures.Limits = append(figures.Limits, ops.Limit{Class: class, PerSecond: perSecond[class]})
	}
	for _, id := range slices.Sorted(maps.Keys(dedicated)) {
		figures.GatewayLimits = append(figures.GatewayLimits, ops.GatewayLimit{Gateway: id, PerSecond: dedicated[id]})
	}
	quotas := s.api.Quotas()
	figures.Quotas = []ops.Quota{{Of: "keys", Most: quotas.Keys}, {Of: "secrets", Most: quotas.Secrets}}
	return figures
}

// storeBytes returns the size of the store's file, or 0 if it is unknown.
func (s *service) storeBytes() int64 {
	info, err := os.Stat(s.storePath)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (s *service) usage() (all []ops.Usage) {
	for _, u := range s.gate.Usage() {
		all = append(all, ops.Usage(u))
	}
	return all
}

func (s *service) records(ctx context.Context, atMost int) (records ops.Records, err error) {
	seen, err := s.keys.Overview(ctx, s.clock(), atMost)
	for g, n := range seen.Keys {
		records.Keys = append(records.Keys, ops.KeyCount{Account: g.Account, Region: g.Region, State: g.State, Number: n})
	}
	for scope, n := range seen.Secrets {
		records.Secrets = append(records.Secrets,
			ops.SecretCount{Account: scope.Account, Region: scope.Region, Number: n})
	}
	records.Losses = events(seen.Losses)
	records.Rotations = events(seen.Rotations)
	for _, e := range events(seen.SecretDeletions) {
		e.KeyID = "" // Operators don't see the names of secrets.
		records.SecretDeletions = append(records.SecretDeletions, e)
	}
	return records, err
}

func events(from []keyring.Event) (all []ops.Event) {
	for _, e := range from {
		all = append(all, ops.Event{
			At: e.At, Account: e.Account, Region: e.Region, KeyID: e.ID, Loss: string(e.Loss),
		})
	}
	return all
}
