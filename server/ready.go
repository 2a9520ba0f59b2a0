package server

import (
	"context"
	"fmt"
	"time"
)

// AwaitReady waits until this server can answer requests: in a cluster, until it is the active node and serves, or a
// standby that can forward. A service on one machine is ready when it has started. If ctx ends first, the error wraps
// its cause and says what is missing.
func (s *Server) AwaitReady(ctx context.Context) error {
	const pause = 100 * time.Millisecond
	for s.node != nil {
		missing := s.node.status().Err
		if missing == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), missing)
		case <-time.After(pause):
		}
	}
	return nil
}
