package bolt

import (
	"bytes"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// transaction is a [store.Reader]. It belongs to the goroutine that runs the caller's function.
type transaction struct {
	// bucket is nil once the transaction has ended.
	bucket *bbolt.Bucket
	// changes counts writes, since a cursor loses its place when the tree changes under it.
	changes int
}

var _ store.Reader = (*transaction)(nil)

func (t *transaction) end() { t.bucket = nil }

// Get implements [store.Reader].
func (t *transaction) Get(key string) ([]byte, error) {
	if t.bucket == nil {
		return nil, store.ErrEnded
	}
	value := t.bucket.Get([]byte(key))
	if value == nil {
		return nil, store.ErrNotFound
	}
	return bytes.Clone(value), nil
}

// Scan implements [store.Reader].
func (t *transaction) Scan(prefix, after string, visit func(key string, value []byte) (more bool, err error)) error {
	if t.bucket == nil {
		return store.ErrEnded
	}
	cursor := t.bucket.Cursor()
	k, v := seek(cursor, prefix, after)
	for k != nil && strings.HasPrefix(string(k), prefix) {
		key, changes := string(k), t.changes
		more, err := visit(key, bytes.Clone(v))
		if err != nil || !more {
			return err
		}
		if t.changes == changes {
			k, v = cursor.Next()
		} else {
			cursor = t.bucket.Cursor()
			k, v = seek(cursor, prefix, key)
		}
	}
	return nil
}

// Nth implements [store.Reader].
func (t *transaction) Nth(prefix, after string, n int) (string, error) {
	if t.bucket == nil {
		return "", store.ErrEnded
	}
	cursor := t.bucket.Cursor()
	k, _ := seek(cursor, prefix, after)
	for ; n > 1 && k != nil; n-- {
		k, _ = cursor.Next()
	}
	if k == nil || n < 1 || !strings.HasPrefix(string(k), prefix) {
		return "", store.ErrNotFound
	}
	return string(k), nil
}

// Before implements [store.Reader].
func (t *transaction) Before(prefix, limit string) (key string, value []byte, err error) {
	if t.bucket == nil {
		return "", nil, store.ErrEnded
	}
	k, v := t.before(limit)
	if k == nil || !strings.HasPrefix(string(k), prefix) {
		return "", nil, store.ErrNotFound
	}
	return string(k), bytes.Clone(v), nil
}

// before returns the last key that is less than limit and its value, or nil if there is none.
func (t *transaction) before(limit string) (k, v []byte) {
	cursor := t.bucket.Cursor()
	at, _ := cursor.Seek([]byte(limit))
	if at != nil {
		if k, v = cursor.Prev(); k != nil {
			return k, v
		}
	}
	// bbolt's cursor stops at each page that the update has emptied, and never ends if there is no such key.
	if first, _ := t.bucket.Cursor().First(); first == nil || string(first) >= limit {
		return nil, nil
	}
	if at == nil {
		return cursor.Last()
	}
	for k == nil {
		k, v = cursor.Prev()
	}
	return k, v
}

// seek moves to the first key that is not less than prefix and greater than after.
func seek(cursor *bbolt.Cursor, prefix, after string) (k, v []byte) {
	k, v = cursor.Seek([]byte(max(prefix, after)))
	if after != "" && string(k) == after {
		k, v = cursor.Next()
	}
	return k, v
}
