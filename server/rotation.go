package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// automaticRotation is the operation in the audit line of a rotation that no request has asked for.
const automaticRotation = "AutomaticRotation"

// rotate rotates the keys that are due, each with an audit line. Like requests, rotations are refused while no audit
// line can be written.
func (s *service) rotate(ctx context.Context, now time.Time) error {
	if err := s.audit.Err(); err != nil {
		return fmt.Errorf("keys that are due are not rotated while no audit line can be written: %w", err)
	}
	return s.api.Rotate(ctx, now, func(r keyring.Rotation) error {
		s.metrics.Rotated()
		s.log.Info("a key was rotated", "account", r.Account, "region", r.Region, "key", r.KeyID, "version", r.VersionID)
		return s.audit.Write(audit.Record{
			Time: now, RequestID: uuid.NewString(), Account: r.Account, Operation: automaticRotation, Region: r.Region,
			KeyID: r.KeyID, InstanceID: r.InstanceID, Status: http.StatusOK,
		})
	})
}
