package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Transaction is what a group of updates writes to. It belongs to one goroutine at a time.
type Transaction interface {
	// Begin returns the writer of one update. The previous update has been kept or undone.
	Begin() Writer
	// Full reports whether the group should be committed before another update joins it.
	Full() bool
	// Commit makes the kept writes durable. If the error wraps [store.ErrUnavailable], they certainly are not.
	Commit() error
	// Discard frees what the transaction holds, committed or not.
	Discard() error
}

// Writer is what one update writes to.
type Writer interface {
	store.Reader
	Put(key string, value []byte) error
	Delete(key string) error
	// Keep ends the update, keeps its writes for the commit, and returns their number.
	Keep() int
	// Undo ends the update without its writes. If it fails, the whole group is lost.
	Undo() error
}

// Group runs updates in groups, each in a transaction of its own, one after another.
type Group struct {
	begin  func() (Transaction, error)
	log    *slog.Logger
	commit func(updates int, commit func() error) error
	onFail func(error)

	// turns hands the open batch to one update after another. Only the writer goroutine sends.
	turns chan *batch
	// closing is closed by Close, when reason is set, and stopped when the writer goroutine ends.
	closing, stopped chan struct{}
	closed           sync.Once
	reason           error
	// failed is closed once cause is set. After that cause does not change.
	failed chan struct{}
	fails  sync.Once
	cause  error
}

// New returns a group that takes updates. begin begins a transaction; onFail is called once if the group fails.
func New(begin func() (Transaction, error), o store.Options, onFail func(error)) *Group {
	o = o.WithDefaults()
	g := &Group{
		begin: begin, log: o.Logger, commit: o.Commit, onFail: onFail,
		turns: make(chan *batch), closing: make(chan struct{}), stopped: make(chan struct{}),
		failed: make(chan struct{}),
	}
	go g.write()
	return g
}

// Update is [store.Store.Update]. It runs fn once.
func (g *Group) Update(ctx context.Context, fn func(store.Writer) error) error {
	if err := g.refusal(ctx); err != nil {
		return err
	}
	select {
	case b := <-g.turns:
		return b.update(ctx, fn)
	case <-ctx.Done():
	case <-g.closing:
	case <-g.failed:
	}
	return g.refusal(ctx)
}

// refusal returns the reason why an update can't run, or nil.
func (g *Group) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-g.closing:
		return g.reason
	default:
		return g.Err()
	}
}

// Err is [store.Store.Err].
func (g *Group) Err() error {
	select {
	case <-g.failed:
		return g.cause
	default:
		return nil
	}
}

// Fail ends all updates, even one in progress, with an error that wraps [store.ErrReadOnly] and err. Only the first
// call counts.
func (g *Group) Fail(err error) {
	first := false
	g.fails.Do(func() {
		g.cause, first = fmt.Errorf("%w: %w", store.ErrReadOnly, err), true
		close(g.failed)
	})
	if first {
		g.onFail(g.cause)
	}
}

// Close waits for the commit in progress. Later updates get reason.
func (g *Group) Close(reason error) {
	g.closed.Do(func() {
		g.reason = reason
		close(g.closing)
	})
	<-g.stopped
}

// write is the writer goroutine. It lends a new batch to the first update that comes, then to all others that are
// waiting, commits, and lets them return. It ends when the group is closed or has failed.
func (g *Group) write() {
	defer close(g.stopped)
	for g.Err() == nil {
		b := &batch{begin: g.begin, back: make(chan struct{}), done: make(chan struct{})}
		select {
		case g.turns <- b:
			<-b.back
		case <-g.closing:
			return
		case <-g.failed:
			return
		}
		for g.lendToWaiting(b) {
		}
		g.finish(b)
	}
}

// lendToWaiting lends b to one more update, and reports whether one was waiting.
func (g *Group) lendToWaiting(b *batch) bool {
	if b.full() {
		return false
	}
	select {
	case g.turns <- b:
		<-b.back
		return true
	default:
		return false
	}
}

// finish commits b and lets its updates return.
func (g *Group) finish(b *batch) {
	defer close(b.done)
	if b.tx == nil {
		return
	}
	err := b.commit(g.commit)
	switch {
	case err == nil:
		for _, run := range b.onCommit {
			run()
		}
	case errors.Is(err, store.ErrUnavailable):
		b.err = err
		g.log.Warn("a commit was refused", "error", err, "updates", b.updates)
	default:
		g.Fail(fmt.Errorf("a commit failed, so it must be opened again: %w", err))
		b.err = g.Err()
		g.log.Error("a commit failed; the store is read-only until it is opened again",
			"error", err, "updates", b.updates)
	}
}
