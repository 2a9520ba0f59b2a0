package store

import (
	"context"
	"errors"
	"io"
	"log/slog"
)

// The errors of every engine. They are wrapped, so compare with [errors.Is].
var (
	// ErrNotFound reports that there is no such key.
	ErrNotFound = errors.New("no such key in the store")
	// ErrLocked reports that another process has the store open.
	ErrLocked = errors.New("the store is in use by another process")
	// ErrDamaged reports that a file is not a store, or is incomplete.
	ErrDamaged = errors.New("the file is not a whole store")
	// ErrReadOnly reports that a commit has failed: the store takes no writes until it is opened again.
	ErrReadOnly = errors.New("the store is read-only")
	// ErrUnavailable reports that an update was certainly not written, since the store can't be reached or takes no
	// writes for now. A later one may succeed.
	ErrUnavailable = errors.New("the store takes no writes for now")
	// ErrClosed reports that the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrEnded reports that a Reader or Writer was used after its transaction.
	ErrEnded = errors.New("the transaction has ended")
)

// Sizes, in bytes, that every engine supports.
const (
	// MaxKey is the length of the longest key. A longer one is refused.
	MaxKey = 32768
	// MaxValue is the length of the longest value that every engine takes.
	MaxValue = 1 << 20
)

// Options are the options of an engine. The zero value is ready to use.
type Options struct {
	// Logger logs failed commits; nil discards them.
	Logger *slog.Logger
	// Commit, if set, is called instead of every commit with the number of updates in it, and must call commit to write
	// them. Tests use it to delay commits and to make them fail.
	Commit func(updates int, commit func() error) error
}

// WithDefaults returns o with no field nil.
func (o Options) WithDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Commit == nil {
		o.Commit = func(_ int, commit func() error) error { return commit() }
	}
	return o
}

// Reader reads within one transaction. What it returns is a copy, which the caller may keep and change.
type Reader interface {
	// Get returns the value of key, or [ErrNotFound].
	Get(key string) ([]byte, error)
	// Scan visits the keys that begin with prefix, in byte order; if after is not "", only those greater than after. It
	// ends early, and returns visit's error, when visit returns false or an error. In an update visit may write; keys
	// that it adds further on are visited too.
	Scan(prefix, after string, visit func(key string, value []byte) (more bool, err error)) error
	// Nth returns the n-th of the keys that Scan would visit, counted from 1, or [ErrNotFound].
	Nth(prefix, after string, n int) (key string, err error)
	// Before returns the last of the keys that begin with prefix and are less than limit, or [ErrNotFound]. limit
	// begins with prefix too.
	Before(prefix, limit string) (key string, value []byte, err error)
}

// Writer reads and writes within one transaction, and sees its own writes.
type Writer interface {
	Reader
	// Put sets the value of key. It keeps a copy of value; nil means the empty value.
	Put(key string, value []byte) error
	// Delete removes key. A key that does not exist is not an error.
	Delete(key string) error
	// OnCommit schedules run for when the update is durable, before Update returns. It is not called if the writes are
	// undone or their commit fails. The functions of several updates run one at a time, in the order in which the
	// updates take effect. Others wait for run: it must be short, and must not use the store.
	OnCommit(run func())
}

// Store is a durable ordered map. It is safe for parallel use.
type Store interface {
	// View runs fn on a snapshot: everything that was committed before it, and nothing after. It does not wait for
	// updates. If ctx has ended, fn is not run.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn, and returns nil once its writes are durable. If fn returns an error, its writes are undone and
	// Update returns that error; if fn panics, they are undone and the panic goes on in the caller. fn must be
	// re-runnable: see the package comment. If ctx ends before its turn, it is not run; once it has begun, it runs to
	// the end, commit included.
	Update(ctx context.Context, fn func(Writer) error) error
	// Backup writes a snapshot of the whole store to w, as a file that package store/bolt opens. It holds a read
	// transaction open until it returns, so w must not block for long.
	Backup(ctx context.Context, w io.Writer) error
	// Err returns nil as long as the store takes writes, and after that an error that wraps [ErrReadOnly] and the
	// cause.
	Err() error
	// Close waits for the transactions in progress and closes the store; a second call returns the result of the first.
	// Later transactions get [ErrClosed].
	Close() error
}
