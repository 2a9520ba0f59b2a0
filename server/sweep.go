package server

import (
	"context"
	"time"
)

// Sweep does now what otherwise happens every minute: it deletes the CMKs that are past their deletion date and
// everything else that has expired, and rotates the keys that are due. In a cluster, it does nothing except on the
// active node.
func (s *Server) Sweep(ctx context.Context) error {
	if service := s.service.Load(); service != nil {
		return service.Sweep(ctx)
	}
	return nil
}

const sweepEvery = time.Minute

// sweep runs Sweep every minute until ctx ends. Deletions and expiries don't depend on it, since every use checks the
// clock; it keeps the store small.
func (s *Server) sweep(ctx context.Context) {
	defer close(s.swept)
	if service := s.service.Load(); service != nil {
		service.warnOfSM(ctx)
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.host.log.Error("sweep failed", "error", err)
			}
		}
	}
}
