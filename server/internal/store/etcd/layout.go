package etcd

import (
	"crypto/rand"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// layout has the names of the store's keys in etcd, all of which begin with its prefix.
type layout struct {
	prefix, leader, mark, id, data, staged string
}

func newLayout(prefix string) layout {
	return layout{
		prefix: prefix,
		leader: prefix + "leader",
		mark:   prefix + "mark",
		id:     prefix + "id",
		data:   prefix + "data/",
		staged: prefix + "staged/",
	}
}

// end is the end of the range of all the store's keys.
func (l layout) end() string { return clientv3.GetPrefixRangeEnd(l.prefix) }

// chunk is the name of the n-th part of the staged update id.
func (l layout) chunk(id string, n int) string { return fmt.Sprintf("%s%s/%08d", l.staged, id, n) }

// parseChunk is the inverse of chunk.
func (l layout) parseChunk(name string) (id string, n int, ok bool) {
	id, number, ok := strings.Cut(strings.TrimPrefix(name, l.staged), "/")
	if !ok || id == "" {
		return "", 0, false
	}
	_, err := fmt.Sscanf(number, "%08d", &n)
	return id, n, err == nil && l.chunk(id, n) == name
}

// write returns the etcd operation for a change.
func (l layout) write(c change) clientv3.Op {
	if c.deleted {
		return clientv3.OpDelete(l.data + c.key)
	}
	return clientv3.OpPut(l.data+c.key, c.value)
}

// writes returns the etcd operations for changes, with room for one more.
func (l layout) writes(changes []change) []clientv3.Op {
	ops := make([]clientv3.Op, 0, len(changes)+1)
	for _, c := range changes {
		ops = append(ops, l.write(c))
	}
	return ops
}

// newID returns a random id for a commit or a store.
func newID() string { return rand.Text() }

// stagedMark is the mark that commits the update whose writes are staged under id, in count parts.
func stagedMark(id string, count int) string { return fmt.Sprintf("staged %s %d", id, count) }

// parseStagedMark is the inverse of stagedMark; ok is false for the mark of any other commit.
func parseStagedMark(mark string) (id string, count int, ok bool) {
	n, err := fmt.Sscanf(mark, "staged %s %d", &id, &count)
	return id, count, err == nil && n == 2
}
