package list

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Prefix begins the entries of all lists.
const Prefix = "list/"

// maxBlock balances the two parts of finding a record by its number: skipping blocks, and skipping records within one.
const maxBlock = 1024

// List is the list of a store's records whose keys begin with a prefix. The rest of a key is the record's name, which
// is never empty.
type List struct {
	// records is the prefix.
	records string
}

// Of returns the list of the records below prefix.
func Of(prefix string) List { return List{prefix} }

// block is the entry of a block.
type block struct {
	// size is the number of records in the block.
	size int
	// total is the number of records in the whole list for the first entry, and zero for the others.
	total int
}

// head returns the key of the first entry.
func (l List) head() string { return Prefix + l.records }

// Len returns the number of records.
func (l List) Len(r store.Reader) (int, error) {
	b, err := get(r, l.head())
	return b.total, err
}

// Add counts the record called name, which the caller has just created.
func (l List) Add(w store.Writer, name string) error { return l.count(w, name, 1) }

// Remove uncounts the record called name, which the caller has just deleted.
func (l List) Remove(w store.Writer, name string) error { return l.count(w, name, -1) }

func (l List) count(w store.Writer, name string, change int) error {
	key, b, err := l.blockOf(w, name)
	if err != nil {
		return err
	}
	b.size += change
	if key != l.head() {
		first, err := get(w, l.head())
		if err != nil {
			return err
		}
		first.total += change
		if err := l.put(w, l.head(), first); err != nil {
			return err
		}
	} else {
		b.total += change
	}
	if b.size > maxBlock {
		return l.split(w, key, b)
	}
	return l.put(w, key, b)
}

// blockOf returns the block that name belongs to. In an empty list it is the first block, although that does not exist
// yet.
func (l List) blockOf(r store.Reader, name string) (key string, b block, err error) {
	key, value, err := r.Before(l.head(), l.head()+name)
	if errors.Is(err, store.ErrNotFound) {
		return l.head(), b, nil
	}
	if err != nil {
		return "", b, err
	}
	b, err = parse(key, value)
	return key, b, err
}

// split moves the second half of a block to a block of its own.
func (l List) split(w store.Writer, key string, b block) error {
	half := b.size / 2
	last, err := w.Nth(l.records, strings.TrimPrefix(key, Prefix), half)
	if err != nil {
		return fmt.Errorf("record %s: it counts more records than there are: %w", key, err)
	}
	if err := l.put(w, Prefix+last, block{size: b.size - half}); err != nil {
		return err
	}
	b.size = half
	return l.put(w, key, b)
}

// put stores an entry, or deletes it if its block is empty.
func (l List) put(w store.Writer, key string, b block) error {
	if b.size < 0 || b.total < 0 {
		return fmt.Errorf("record %s: it counts fewer records than there are", key)
	}
	if b == (block{}) {
		return w.Delete(key)
	}
	if key != l.head() {
		return w.Put(key, strconv.AppendInt(nil, int64(b.size), 10))
	}
	return w.Put(key, fmt.Appendf(nil, "%d %d", b.size, b.total))
}

func get(r store.Reader, key string) (block, error) {
	value, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return block{}, nil
	}
	if err != nil {
		return block{}, err
	}
	return parse(key, value)
}

func parse(key string, value []byte) (b block, err error) {
	size, total, isFirst := strings.Cut(string(value), " ")
	if b.size, err = strconv.Atoi(size); err == nil && isFirst {
		b.total, err = strconv.Atoi(total)
	}
	if err != nil || b.size < 0 || b.total < 0 {
		return block{}, fmt.Errorf("record %s: it is not a count", key)
	}
	return b, nil
}

// Blocks visits the blocks of all lists whose records begin with prefix. It passes the key that the block begins after,
// without [Prefix], and the number of records in the block.
func Blocks(r store.Reader, prefix string, visit func(first string, size int)) error {
	return r.Scan(Prefix+prefix, "", func(key string, value []byte) (bool, error) {
		b, err := parse(key, value)
		if err == nil {
			visit(strings.TrimPrefix(key, Prefix), b.size)
		}
		return err == nil, err
	})
}

// Walk visits the records in the order of their names, skipping the first skip records. It stops when visit returns
// false or an error, which it returns.
func (l List) Walk(r store.Reader, skip int, visit func(name string, value []byte) (more bool, err error)) error {
	after, err := l.skipTo(r, skip)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.Scan(l.records, after, func(key string, value []byte) (bool, error) {
		return visit(key[len(l.records):], value)
	})
}

// skipTo returns the key of the n-th record, or [store.ErrNotFound] if there are fewer. For 0 it is empty.
func (l List) skipTo(r store.Reader, n int) (after string, err error) {
	if n == 0 {
		return "", nil
	}
	last, found := "", false
	err = r.Scan(l.head(), "", func(key string, value []byte) (bool, error) {
		b, err := parse(key, value)
		if err != nil {
			return false, err
		}
		last = key[len(Prefix):]
		if found = n <= b.size; !found {
			n -= b.size
		}
		return !found, nil
	})
	if err != nil {
		return "", err
	}
	if !found {
		return "", store.ErrNotFound
	}
	return r.Nth(l.records, last, n)
}
