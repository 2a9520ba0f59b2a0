package fair

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Run runs work in a slot that the caller has entered, and leaves the slot when work ends. If ctx ends first, Run
// returns the error of ctx at once. The work can't be stopped, so it goes on, still in its slot, and its result is
// passed to discard: a caller that gives up again and again keeps no more processors busy than there are slots.
//
// A panic of work is returned as an error, since it may happen after the caller has given up.
func Run[T any](ctx context.Context, s *Slots, work func() (T, error), discard func(T)) (T, error) {
	type result struct {
		made T
		err  error
	}
	done := make(chan result)
	go func() {
		defer s.Leave()
		made, err := recovered(work)
		select {
		case done <- result{made, err}:
		case <-ctx.Done():
			if err == nil {
				discard(made)
			}
		}
	}()
	select {
	case r := <-done:
		return r.made, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func recovered[T any](work func() (T, error)) (made T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return work()
}
