package etcd

import (
	"encoding/binary"
	"errors"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// staged is an update that is too large for one transaction: it is committed, but its records are not yet written.
type staged struct{ changes []change }

// stage commits changes of any size. They are first written in parts beside the records, in transactions that change
// nothing else. One more transaction sets the mark to their id: that is the commit. Then they are applied to the
// records.
func (c *chain) stage(changes []change) error {
	id, parts := newID(), pack(changes)
	if err := c.stageParts(id, parts); err != nil {
		c.litter = true
		_ = c.settle() // It is tried again before the next commit.
		return err
	}
	c.pending = &staged{changes}
	c.step("committed")
	// The changes are committed even if the rest fails: the next commit, or the next term, applies them.
	if err := c.settle(); err != nil {
		c.log.Warn("a committed update is not yet in its place", "error", err)
	}
	return nil
}

func (c *chain) stageParts(id string, parts []string) error {
	for n, part := range parts {
		if err := c.steady(clientv3.OpPut(c.keys.chunk(id, n), part)); err != nil {
			return err
		}
		c.step("part staged")
	}
	return c.rename(nil, stagedMark(id, len(parts)))
}

// settle finishes what was left half done: it applies a committed update to the records, and removes what was staged.
func (c *chain) settle() error {
	if c.pending != nil {
		return c.finish()
	}
	if !c.litter {
		return nil
	}
	if err := c.steady(c.removeStaged()); err != nil {
		return err
	}
	c.litter = false
	return nil
}

func (c *chain) finish() error {
	done := 0
	for _, part := range split(c.pending.changes) {
		if err := c.steady(c.keys.writes(part)...); err != nil {
			return err
		}
		done += len(part)
		c.progress(done, len(c.pending.changes))
		c.step("part applied")
	}
	if err := c.advance([]clientv3.Op{c.removeStaged()}, newID()); err != nil {
		return err
	}
	c.pending, c.litter = nil, false
	c.step("removed")
	return nil
}

func (c *chain) removeStaged() clientv3.Op {
	return clientv3.OpDelete(c.keys.staged, clientv3.WithPrefix())
}

// split divides changes into parts that each fit into a transaction.
func split(changes []change) (parts [][]change) {
	from, bytes := 0, 0
	for i, c := range changes {
		if i-from == maxWrites || i > from && bytes+c.size() > maxBytes {
			parts = append(parts, changes[from:i])
			from, bytes = i, 0
		}
		bytes += c.size()
	}
	return append(parts, changes[from:])
}

// pack encodes changes as values that each fit into a transaction.
func pack(changes []change) (parts []string) {
	var part []byte
	for _, c := range changes {
		if len(part) > 0 && len(part)+c.size() > maxBytes {
			parts = append(parts, string(part))
			part = part[:0]
		}
		part = c.appendTo(part)
	}
	return append(parts, string(part))
}

// appendTo appends the length of the key and the key, and then the length of the value plus one and the value, or a
// zero if the key is deleted. Lengths are varints.
func (c change) appendTo(part []byte) []byte {
	part = append(binary.AppendUvarint(part, uint64(len(c.key))), c.key...)
	if c.deleted {
		return append(part, 0)
	}
	return append(binary.AppendUvarint(part, uint64(len(c.value))+1), c.value...)
}

// unpack is the inverse of pack for one part. An error wraps [store.ErrDamaged].
func unpack(part string) (changes []change, err error) {
	r := strings.NewReader(part)
	for r.Len() > 0 {
		key, err := readString(r, 0)
		if err != nil {
			return nil, err
		}
		c := change{key: key}
		if c.value, err = readString(r, 1); errors.Is(err, errNoString) {
			c.deleted, err = true, nil
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

var errNoString = errors.New("a zero in place of a length")

// readString reads a length, subtracts more from it, and reads that many bytes.
func readString(r *strings.Reader, more uint64) (string, error) {
	length, err := binary.ReadUvarint(r)
	switch {
	case err == nil && length < more:
		return "", errNoString
	case err != nil || length-more > uint64(r.Len()):
		return "", store.Damage("a part of a large update is cut off")
	}
	b := make([]byte, length-more)
	_, _ = r.Read(b) // There are that many.
	return string(b), nil
}
