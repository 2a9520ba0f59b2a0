package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

// acceptedClock is the operation in the audit line that is written when [Options.AcceptClock] has taken effect.
const acceptedClock = "AcceptClock"

// lastMark returns the clock mark that the last run has stored. If the clock has been set back since then by more than
// the window, no request would be accepted for a long time; that is an error. If the clock is accepted, a mark ahead of
// it is dropped, with a warning and an audit line.
func (s *service) lastMark(ctx context.Context, c Config) (mark replay.Mark, err error) {
	if mark.At, mark.Exact, err = s.keys.ClockMark(ctx); err != nil {
		return mark, err
	}
	now := s.clock().Round(0).UTC()
	switch {
	case !mark.At.After(now):
		return mark, nil
	case s.acceptClock.Load():
		s.log.Warn("the clock is accepted, although it is behind that of the last run: requests that it accepted could be replayed",
			"clock", now, "last_run", mark.At)
		return replay.Mark{}, s.audit.Write(audit.Record{
			Time: now, RequestID: uuid.NewString(), Operation: acceptedClock, Status: http.StatusOK,
		})
	default:
		return mark, checkClock(c, mark.At, now)
	}
}

// checkClock returns an error if now is behind mark by more than the window.
func checkClock(c Config, mark, now time.Time) error {
	window, err := c.Limits.Window()
	if err != nil || mark.Sub(now) <= window {
		return err
	}
	return fmt.Errorf("the clock shows %s, but the last run of the service saw %s, later by more than timestamp_window, "+
		"which is %s; set the clock, or if it is right, start once with -accept-clock",
		now.Format(time.RFC3339), mark.Format(time.RFC3339), window)
}

// logFloor warns that requests are refused because the clock was set back, if the floor is further ahead of the clock
// than usual.
func (s *service) logFloor(usual time.Duration) {
	if now, floor := s.clock().UTC(), s.gate.Floor().UTC(); floor.Sub(now) > usual {
		s.log.Warn("the clock is behind that of the last run: requests signed before the floor are refused",
			"clock", now, "floor", floor)
	}
}

// markClock stores what the next run needs to know about the clock. stopped says that no more requests will be
// accepted.
func (s *service) markClock(ctx context.Context, stopped bool) error {
	mark := s.gate.Mark()
	return s.keys.KeepClockMark(ctx, mark.At, mark.Exact || stopped)
}
