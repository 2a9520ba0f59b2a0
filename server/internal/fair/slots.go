package fair

import (
	"context"
	"errors"
	"sync"
)

// ErrTooManyWaiting refuses a caller because too many callers of its account already wait. Compare with [errors.Is].
var ErrTooManyWaiting = errors.New("too many callers of the account wait")

// Slots bound how many callers do something at once. Callers that find no free slot wait, and accounts take turns.
// Slots are safe for concurrent use.
type Slots struct {
	// mu guards the fields below.
	mu   sync.Mutex
	free int
	// waiting is empty unless free is 0.
	waiting *Queue[struct{}]
}

// NewSlots returns n slots, for which up to most callers of an account may wait.
func NewSlots(n, most int) *Slots {
	return &Slots{free: n, waiting: NewQueue[struct{}](most)}
}

// Enter takes a slot, which [Slots.Leave] gives back. The error is [ErrTooManyWaiting], or that of ctx if it ends
// first.
func (s *Slots) Enter(ctx context.Context, account string) error {
	turn, ok := s.join(account)
	if !ok {
		return ErrTooManyWaiting
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.waiting.Leave(account, turn)
	s.mu.Unlock()
	select {
	case <-turn: // The slot was handed over at the same time.
		s.Leave()
	default:
	}
	return ctx.Err()
}

func (s *Slots) join(account string) (turn chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	turn, ok = s.waiting.Join(account)
	if ok && s.free > 0 {
		s.free--
		s.waiting.Next() <- struct{}{}
	}
	return turn, ok
}

// Leave passes the slot to the caller whose turn it is, or frees it.
func (s *Slots) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if turn := s.waiting.Next(); turn != nil {
		turn <- struct{}{}
		return
	}
	s.free++
}
