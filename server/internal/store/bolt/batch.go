package bolt

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// maxBatch bounds a batch, so that a stream of updates can't postpone its commit for ever.
const maxBatch = 512

// A batch is the updates that share one transaction of bbolt and so one commit. The writer goroutine lends it, over
// Store.turns, to the goroutine of one update at a time, which runs its function and gives the batch back. Running the
// function in the caller's own goroutine lets a panic, or runtime.Goexit, unwind the caller's stack.
//
// All fields but done and err belong to the goroutine that has the batch; err is set before done is closed, and then
// only read.
type batch struct {
	db *bbolt.DB
	// tx is begun by the first update.
	tx *bbolt.Tx
	// updates counts those that ran, and writes what they wrote and did not undo.
	updates, writes int
	// onCommit is what the updates want to run after the commit.
	onCommit []func()
	// broken says that tx must not be committed.
	broken error

	// back gives the batch back to the writer goroutine.
	back chan struct{}
	done chan struct{}
	err  error
}

// write is the writer goroutine. It lends a new batch to the first update that comes, then to all that wait by then,
// commits, and lets them return. It ends when the store is closed or a commit has failed.
func (s *Store) write() {
	defer close(s.stopped)
	for s.Err() == nil {
		b := &batch{db: s.db, back: make(chan struct{}), done: make(chan struct{})}
		select {
		case s.turns <- b:
			<-b.back
		case <-s.closing:
			return
		}
		for s.lendToWaiting(b) {
		}
		s.finish(b)
	}
}

// lendToWaiting lends b to one more update, and reports whether one waited.
func (s *Store) lendToWaiting(b *batch) bool {
	if b.updates >= maxBatch {
		return false
	}
	select {
	case s.turns <- b:
		<-b.back
		return true
	default:
		return false
	}
}

// finish commits b and lets its updates return.
func (s *Store) finish(b *batch) {
	defer close(b.done)
	if b.tx == nil {
		return
	}
	if err := b.commit(s.commit); err != nil {
		s.cause = fmt.Errorf("%w until it is opened again, because a commit failed: %w", store.ErrReadOnly, err)
		b.err = s.cause
		close(s.failed)
		s.log.Error("a commit failed; the store is read-only until it is opened again",
			"error", err, "updates", b.updates)
		return
	}
	for _, run := range b.onCommit {
		run()
	}
}

// commit makes the batch durable. A batch that wrote nothing needs no commit.
func (b *batch) commit(hook func(int, func() error) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a commit: %v", p)
		}
		// After a commit this does nothing; after a failure it frees the lock that Close needs.
		if rollbackErr := b.tx.Rollback(); err != nil && !errors.Is(rollbackErr, berrors.ErrTxClosed) {
			err = errors.Join(err, rollbackErr)
		}
	}()
	if b.broken != nil || b.writes == 0 {
		return b.broken
	}
	return hook(b.updates, b.tx.Commit)
}

// update runs fn as part of the batch, and waits for the commit. An fn that returned an error has to wait too: it may
// have decided on the writes of an earlier update, and if those are lost its answer is wrong.
func (b *batch) update(ctx context.Context, fn func(store.Writer) error) error {
	err := b.run(ctx, fn)
	<-b.done
	if b.err != nil {
		return b.err
	}
	return err
}

// run runs fn and gives the batch back, however fn ends.
func (b *batch) run(ctx context.Context, fn func(store.Writer) error) error {
	defer func() { b.back <- struct{}{} }()
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := b.begin()
	if err != nil {
		return err
	}
	keep := false
	defer func() { b.end(w, keep) }()
	if err := fn(w); err != nil {
		return err
	}
	keep = true
	return nil
}

func (b *batch) begin() (*writer, error) {
	if b.tx == nil {
		tx, err := b.db.Begin(true)
		if err != nil {
			return nil, err
		}
		b.tx = tx
	}
	b.updates++
	return &writer{transaction: transaction{bucket: b.tx.Bucket([]byte(bucketName))}}, nil
}

var errNotUndone = errors.New("an update could not be undone")

// end keeps an update's writes or undoes them. If that fails, even by a panic, the whole batch is lost.
func (b *batch) end(w *writer, keep bool) {
	defer w.end()
	if keep {
		b.writes += len(w.undo)
		b.onCommit = append(b.onCommit, w.onCommit...)
		return
	}
	before := b.broken
	b.broken = errNotUndone
	if err := w.rollback(); err != nil {
		b.broken = fmt.Errorf("%w: %w", errNotUndone, err)
		return
	}
	b.broken = before
}
