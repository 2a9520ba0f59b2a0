package group

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// maxBatch bounds a batch, so that a stream of updates can't postpone its commit forever.
const maxBatch = 512

// A batch is the updates that share one transaction of the engine and so one commit. The writer goroutine lends it,
// over Group.turns, to the goroutine of one update at a time, which runs its function and gives the batch back. Running
// the function in the caller's own goroutine lets a panic, or runtime.Goexit, unwind the caller's stack.
//
// All fields but done and err belong to the goroutine that has the batch; err is set before done is closed, and then
// only read.
type batch struct {
	begin func() (Transaction, error)
	// tx is begun by the first update.
	tx Transaction
	// updates counts the updates that ran, and writes the writes that they kept.
	updates, writes int
	// onCommit are the functions that the updates want to run after the commit.
	onCommit []func()
	// broken is why tx must not be committed, or nil.
	broken error

	// back gives the batch back to the writer goroutine.
	back chan struct{}
	done chan struct{}
	err  error
}

func (b *batch) full() bool { return b.updates >= maxBatch || b.tx != nil && b.tx.Full() }

// commit makes the batch durable. A batch that wrote nothing needs no commit.
func (b *batch) commit(hook func(int, func() error) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a commit: %v", p)
		}
		// After a failure the engine may hold a lock that Close needs.
		if discardErr := b.tx.Discard(); err != nil && discardErr != nil {
			err = errors.Join(err, discardErr)
		}
	}()
	if b.broken != nil || b.writes == 0 {
		return b.broken
	}
	return hook(b.updates, b.tx.Commit)
}

// update runs fn as part of the batch, and waits for the commit. It waits even if fn returned an error: fn may have
// decided based on the writes of an earlier update, and if those are lost its answer is wrong.
func (b *batch) update(ctx context.Context, fn func(store.Writer) error) error {
	err := b.run(ctx, fn)
	<-b.done
	if b.err != nil {
		return b.err
	}
	return err
}

// Update is the [store.Writer] of one update.
type Update struct {
	Writer
	// Committed are the functions to run after the commit.
	Committed []func()
}

// OnCommit implements [store.Writer].
func (u *Update) OnCommit(run func()) { u.Committed = append(u.Committed, run) }

// run runs fn and gives the batch back, however fn ends.
func (b *batch) run(ctx context.Context, fn func(store.Writer) error) error {
	defer func() { b.back <- struct{}{} }()
	if err := ctx.Err(); err != nil {
		return err
	}
	u, err := b.start()
	if err != nil {
		return err
	}
	keep := false
	defer func() { b.end(u, keep) }()
	if err := fn(u); err != nil {
		return err
	}
	keep = true
	return nil
}

func (b *batch) start() (*Update, error) {
	if b.tx == nil {
		tx, err := b.begin()
		if err != nil {
			return nil, err
		}
		b.tx = tx
	}
	b.updates++
	return &Update{Writer: b.tx.Begin()}, nil
}

var errNotUndone = errors.New("an update could not be undone")

// end keeps an update's writes or undoes them. If that fails, even by a panic, the whole batch is lost.
func (b *batch) end(u *Update, keep bool) {
	if keep {
		b.writes += u.Keep()
		b.onCommit = append(b.onCommit, u.Committed...)
		return
	}
	before := b.broken
	b.broken = errNotUndone
	if err := u.Undo(); err != nil {
		b.broken = fmt.Errorf("%w: %w", errNotUndone, err)
		return
	}
	b.broken = before
}
