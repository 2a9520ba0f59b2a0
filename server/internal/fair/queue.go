package fair

import "slices"

// A Queue holds callers that wait for a T, and decides their order: the next T goes to the account that was served
// longest ago, and within the account to the caller that came first. So an account that asks for many delays only
// itself. A Queue is guarded by its owner's lock.
type Queue[T any] struct {
	// most is how many callers of one account may wait at once.
	most int
	// accounts are the accounts that have ever waited. They come from the configuration, so there are never many.
	accounts map[string]*waiting[T]
	// clock counts events: callers that came and callers that were served.
	clock uint64
}

// NewQueue returns an empty queue, in which up to most callers of an account may wait. Further callers are refused,
// since their turn would come too late.
func NewQueue[T any](most int) *Queue[T] {
	return &Queue[T]{most: most, accounts: map[string]*waiting[T]{}}
}

// waiting is an account's part of the queue.
type waiting[T any] struct {
	callers []caller[T]
	// served is when the account was last served, by the queue's clock.
	served uint64
}

// A caller is served once; its channel has room for that.
type caller[T any] struct {
	turn chan T
	came uint64
}

func (q *Queue[T]) of(account string) *waiting[T] {
	w := q.accounts[account]
	if w == nil {
		w = &waiting[T]{}
		q.accounts[account] = w
	}
	return w
}

func (q *Queue[T]) tick() uint64 {
	q.clock++
	return q.clock
}

// Join lets a caller of account wait. ok is false if too many callers of that account already do.
func (q *Queue[T]) Join(account string) (turn chan T, ok bool) {
	w := q.of(account)
	if len(w.callers) >= q.most {
		return nil, false
	}
	turn = make(chan T, 1)
	w.callers = append(w.callers, caller[T]{turn, q.tick()})
	return turn, true
}

// Leave removes a caller of account, unless it has been served.
func (q *Queue[T]) Leave(account string, turn chan T) {
	w := q.of(account)
	w.callers = slices.DeleteFunc(w.callers, func(c caller[T]) bool { return c.turn == turn })
}

// Next removes the caller whose turn it is, and returns its channel, or nil if no caller waits.
func (q *Queue[T]) Next() chan<- T {
	var turn *waiting[T]
	for _, w := range q.accounts {
		if len(w.callers) > 0 && (turn == nil || w.before(turn)) {
			turn = w
		}
	}
	if turn == nil {
		return nil
	}
	first := turn.callers[0]
	turn.callers = slices.Delete(turn.callers, 0, 1)
	turn.served = q.tick()
	return first.turn
}

// before reports whether w's turn comes before other's. Only accounts that were never served have equal times; among
// them, the account that came first is first.
func (w *waiting[T]) before(other *waiting[T]) bool {
	if w.served != other.served {
		return w.served < other.served
	}
	return w.callers[0].came < other.callers[0].came
}
