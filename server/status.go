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

// status is the operators' view.
func (s *Server) status() ops.Status {
	status := s.service.status()
	status.StaleSince = s.staleSince()
	status.Figures = func() ops.Figures {
		figures := s.service.figures()
		figures.Certificates = s.certificates()
		return figures
	}
	return status
}

// certificates are those of the gateways.
func (s *Server) certificates() (all []ops.Certificate) {
	for _, id := range slices.Sorted(maps.Keys(s.gateways)) { // The id of the shared one is the least.
		all = append(all, ops.Certificate{Gateway: edge.GatewayName(id), Expires: s.gateways[id].certificate.notAfter()})
	}
	return all
}

// status is the service's part of the operators' view.
func (s *service) status() ops.Status {
	return ops.Status{
		At: s.clock(), Started: s.started, Version: s.version, Layout: keyring.Layout,
		StoreErr: s.store.Err(), AuditErr: s.audit.Err(), Audited: s.audited, RetryAudit: s.retryAudit,
		Figures: s.figures, Usage: s.usage, Records: s.records,
	}
}

// retryAudit writes a line about /healthz.
func (s *service) retryAudit() error {
	return s.audit.Write(audit.Record{
		Time: s.clock(), RequestID: uuid.NewString(), Operation: "healthz", Status: http.StatusServiceUnavailable,
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
	return figures
}

// storeBytes is the size of the store's file, and 0 if it can't be seen.
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
		e.KeyID = "" // The names of secrets are not the operators' business.
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
