package wrapping

import "slices"

// MaxWaiting is how many callers of one account wait at once. Another one is refused, since its turn would come late.
const MaxWaiting = PoolSize

// A queue is the callers that wait for a key, and the order in which they get one: the next key goes to the account
// that was served longest ago, and within the account to the caller that came first. So an account that asks for many
// keys delays only itself. The pool's lock guards it.
type queue struct {
	// accounts are those that have ever asked for a key. They come from the configuration, so there are never many.
	accounts map[string]*waiting
	// clock counts what has happened: callers that came, and keys handed out.
	clock uint64
}

// waiting is an account's part of the queue.
type waiting struct {
	callers []caller
	// served is when the account last got a key, by the queue's clock.
	served uint64
}

// A caller gets one key, for which its channel has room.
type caller struct {
	key  chan generated
	came uint64
}

func (q *queue) of(account string) *waiting {
	w := q.accounts[account]
	if w == nil {
		w = &waiting{}
		q.accounts[account] = w
	}
	return w
}

func (q *queue) tick() uint64 {
	q.clock++
	return q.clock
}

// join lets a caller of account wait, unless enough of them do.
func (q *queue) join(account string) (key chan generated, ok bool) {
	w := q.of(account)
	if len(w.callers) >= MaxWaiting {
		return nil, false
	}
	key = make(chan generated, 1)
	w.callers = append(w.callers, caller{key, q.tick()})
	return key, true
}

// leave removes a caller of account, unless a key has been handed to it.
func (q *queue) leave(account string, key chan generated) {
	w := q.of(account)
	w.callers = slices.DeleteFunc(w.callers, func(c caller) bool { return c.key == key })
}

// next removes the caller whose turn it is, and returns where it waits, or nil if nobody does.
func (q *queue) next() chan<- generated {
	var turn *waiting
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
	return first.key
}

// before reports whether it is w's turn before other's. Only accounts that never got a key were served at the same
// time; of them, the one that came first is first.
func (w *waiting) before(other *waiting) bool {
	if w.served != other.served {
		return w.served < other.served
	}
	return w.callers[0].came < other.callers[0].came
}
