package etcd

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// records is an ordered copy of the store. Snapshots are copy-on-write, so they cost almost nothing: one is published
// and then only read, while the writer goes on with another. Values are strings because they never change.
type records struct{ btree.Map[string, string] }

// snapshot returns a copy. Only the goroutine that writes to r may call it.
func (r *records) snapshot() *records { return &records{*r.Copy()} }

// reader is a [store.Reader]. It belongs to the goroutine that runs the caller's function.
type reader struct {
	// records is nil once the transaction has ended.
	records *records
	// changes counts writes, since an iterator loses its place when the tree changes under it.
	changes int
}

var _ store.Reader = (*reader)(nil)

func (r *reader) end() { r.records = nil }

// Get implements [store.Reader].
func (r *reader) Get(key string) ([]byte, error) {
	if r.records == nil {
		return nil, store.ErrEnded
	}
	value, ok := r.records.Get(key)
	if !ok {
		return nil, store.ErrNotFound
	}
	return []byte(value), nil
}

// Scan implements [store.Reader].
func (r *reader) Scan(prefix, after string, visit func(key string, value []byte) (more bool, err error)) error {
	if r.records == nil {
		return store.ErrEnded
	}
	iter := r.records.Iter()
	ok := seek(&iter, prefix, after)
	for ok && strings.HasPrefix(iter.Key(), prefix) {
		key, changes := iter.Key(), r.changes
		more, err := visit(key, []byte(iter.Value()))
		if err != nil || !more {
			return err
		}
		if r.changes == changes {
			ok = iter.Next()
		} else {
			iter = r.records.Iter()
			ok = seek(&iter, prefix, key)
		}
	}
	return nil
}

// Nth implements [store.Reader].
func (r *reader) Nth(prefix, after string, n int) (string, error) {
	if r.records == nil {
		return "", store.ErrEnded
	}
	iter := r.records.Iter()
	ok := seek(&iter, prefix, after)
	for ; n > 1 && ok; n-- {
		ok = iter.Next()
	}
	if !ok || n < 1 || !strings.HasPrefix(iter.Key(), prefix) {
		return "", store.ErrNotFound
	}
	return iter.Key(), nil
}

// Before implements [store.Reader].
func (r *reader) Before(prefix, limit string) (key string, value []byte, err error) {
	if r.records == nil {
		return "", nil, store.ErrEnded
	}
	found := false
	r.records.Descend(limit, func(k, v string) bool {
		if k == limit {
			return true
		}
		if found = strings.HasPrefix(k, prefix); found {
			key, value = k, []byte(v)
		}
		return false
	})
	if !found {
		return "", nil, store.ErrNotFound
	}
	return key, value, nil
}

// seek moves to the first key that is not less than prefix and greater than after.
func seek(iter *btree.MapIter[string, string], prefix, after string) bool {
	ok := iter.Seek(max(prefix, after))
	if ok && after != "" && iter.Key() == after {
		return iter.Next()
	}
	return ok
}
