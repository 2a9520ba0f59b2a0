package store

import (
	"context"
	"errors"
	"io"
)

// The errors of this package. They are wrapped, so compare with [errors.Is].
var (
	// ErrNotFound says that there is no such key.
	ErrNotFound = errors.New("no such key in the store")
	// ErrLocked says that another process has the store open.
	ErrLocked = errors.New("the store is in use by another process")
	// ErrDamaged says that a file is no store, or not whole.
	ErrDamaged = errors.New("the file is not a whole store")
	// ErrReadOnly says that a commit has failed, and that the store takes no more writes until it is opened anew.
	ErrReadOnly = errors.New("the store is read-only")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrEnded says that a Reader or Writer was used after its transaction.
	ErrEnded = errors.New("the transaction has ended")
)

// Reader reads within one transaction. What it returns is a copy, which the caller may keep and change.
type Reader interface {
	// Get returns the value of key, or [ErrNotFound].
	Get(key string) ([]byte, error)
	// Scan visits the keys that begin with prefix, in byte order, and of these only the ones greater than after, unless
	// after is "". It ends early, and returns visit's error, when visit returns false or an error. In an update visit may
	// write; keys that it adds further on are visited as well.
	Scan(prefix, after string, visit func(key string, value []byte) (more bool, err error)) error
	// Nth returns the n-th of the keys that Scan would visit, counted from 1, or [ErrNotFound].
	Nth(prefix, after string, n int) (key string, err error)
	// Before returns the last of the keys that begin with prefix and are less than limit, which begins with prefix too, or
	// [ErrNotFound].
	Before(prefix, limit string) (key string, value []byte, err error)
}

// Writer reads and writes within one transaction, and sees its own writes.
type Writer interface {
	Reader
	// Put sets the value of key, which is 1 to 32768 bytes long. It keeps a copy of value.
	Put(key string, value []byte) error
	// Delete removes key. It is no error if there is no such key.
	Delete(key string) error
}

// Store is a durable ordered map.
type Store interface {
	// View runs fn on a snapshot: all that was committed before it, and nothing after. It does not wait for updates. If
	// ctx has ended, fn is not run.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn, and returns nil once its writes are durable. If fn returns an error, its writes are undone and
	// Update returns that error; if fn panics, they are undone and the panic goes on in the caller. fn runs at most once:
	// not at all if ctx ends before its turn comes, and to the end, commit included, after that.
	Update(ctx context.Context, fn func(Writer) error) error
	// Backup writes a snapshot of the whole store to w, as a file that [OpenArchive] opens and that can take the store's
	// place. It is a read transaction for as long as it takes, so w must not block for long.
	Backup(ctx context.Context, w io.Writer) error
	// Err returns nil as long as the store takes writes, and after that an error that wraps [ErrReadOnly] and the cause.
	Err() error
	// Close waits for the transactions in hand and closes the store. What comes later gets [ErrClosed].
	Close() error
}
