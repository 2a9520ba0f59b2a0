package server

import (
	"context"
	"fmt"
	"time"
)

// AwaitReady waits until requests that arrive here are answered: in a cluster, until this is the active node and
// serves, or a standby that can forward. A service on a machine of its own is ready when it has started. If ctx ends
// before, the error wraps the cause of that, and says what is missing.
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
