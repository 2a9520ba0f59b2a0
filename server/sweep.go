package server

import (
	"context"
	"time"
)

// Sweep does at once what happens every minute: it deletes the CMKs that are past their deletion date, and everything
// else that time has ended. In a cluster the active node alone does it.
func (s *Server) Sweep(ctx context.Context) error {
	if service := s.service.Load(); service != nil {
		return service.Sweep(ctx)
	}
	return nil
}

const sweepEvery = time.Minute

// sweep keeps the store small. Nothing depends on it, since every use checks the clock.
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
