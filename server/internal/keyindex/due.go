package keyindex

import (
	"container/heap"
	"time"
)

// queue is a heap of the entries with pending changes, with the entry that changes first at its top.
type queue []*entry

// notDue is the place of an entry that is not in the queue.
const notDue = -1

// Len implements [heap.Interface].
func (q queue) Len() int { return len(q) }

// Less implements [heap.Interface].
func (q queue) Less(i, j int) bool { return q[i].changes[0].At.Before(q[j].changes[0].At) }

// Swap implements [heap.Interface].
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].due, q[j].due = i, j
}

// Push implements [heap.Interface].
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.due = len(*q)
	*q = append(*q, e)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q, e.due = (*q)[:last], notDue
	return e
}

// schedule replaces the pending changes of an entry.
func (q *queue) schedule(e *entry, changes []Change) {
	if e.due != notDue {
		heap.Remove(q, e.due)
	}
	if e.changes = changes; len(changes) > 0 {
		heap.Push(q, e)
	}
}

// isDue reports whether an entry has a change that is due at now.
func (q queue) isDue(now time.Time) bool { return len(q) > 0 && !now.Before(q[0].changes[0].At) }
