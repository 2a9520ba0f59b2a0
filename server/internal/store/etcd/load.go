package etcd

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Sizes of a page of the store, in keys and bytes. A page should have about pageBytes, judging by the page before it.
// etcd counts all keys after a page too, so reading many small pages takes time quadratic in the number of keys.
const (
	firstPage = 64
	largePage = 8192
	pageBytes = 2 << 20
)

// load reads the whole store at one revision. The error wraps [rpctypes.ErrCompacted] if etcd has dropped that revision
// in the meantime.
func (f *follower) load(ctx context.Context) (*state, error) {
	s, read := newState(f.keys), 0
	s.salvage = f.salvage
	size, from := int64(firstPage), f.keys.prefix
	for {
		page, err := f.page(ctx, from, size, s.revision)
		if err != nil {
			return nil, err
		}
		if s.revision == 0 {
			s.revision = page.Header.Revision
		}
		f.heard()
		read += len(page.Kvs)
		f.progress(read, read+int(page.Count)-len(page.Kvs))
		bytes := 0
		for _, kv := range page.Kvs {
			s.put(kv)
			bytes += len(kv.Key) + len(kv.Value)
		}
		if !page.More || len(page.Kvs) == 0 {
			return s, s.obey()
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		size = nextPage(size, bytes)
	}
}

// page reads size keys at a revision, or at the current one if revision is zero.
func (f *follower) page(ctx context.Context, from string, size, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, max(f.lease, slowestPage))
	defer cancel()
	return f.client.Get(ctx, from, clientv3.WithRange(f.keys.end()), clientv3.WithLimit(size), clientv3.WithRev(revision))
}

// nextPage returns the size of the page after one with size keys and this many bytes.
func nextPage(size int64, bytes int) int64 {
	switch {
	case bytes > 2*pageBytes:
		return max(size/4, 1)
	case bytes < pageBytes:
		return min(2*size, largePage)
	default:
		return size
	}
}
