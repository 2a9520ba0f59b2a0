package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

// A dataKeyUse is what a request did with the data keys of its key.
type dataKeyUse struct {
	key string
	// count is how many data keys it asked for, of the versions oldest to newest. hits of them were cached; the others
	// had to wait for KMS, which may have refused some.
	count, hits    int
	oldest, newest uint32
}

// logDataKeys logs the data keys that a request used at level debug, once for all its items. KMS's own log has no line
// for those that were cached.
func (b *backend) logDataKeys(ctx context.Context, req *logical.Request) {
	if !b.Logger().IsDebug() {
		return
	}
	use := ctx.Value(leasesKey{}).(*leases).use()
	if use.count == 0 {
		return
	}
	b.Logger().Debug("data keys were used", "key", use.key, "data_keys", use.count,
		"hits", use.hits, "kms_calls", use.count-use.hits,
		"oldest_version", use.oldest, "newest_version", use.newest, "path", req.Path, "vault_request_id", req.ID)
}

// use sums up what the request has done so far.
func (l *leases) use() (u dataKeyUse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, h := range l.held {
		u.key, u.newest = ref.Name, max(u.newest, ref.Version)
		if u.count++; u.count == 1 || ref.Version < u.oldest {
			u.oldest = ref.Version
		}
		if h.lease != nil && h.lease.Hit() {
			u.hits++
		}
	}
	for _, lease := range l.over {
		if u.count++; lease.Hit() {
			u.hits++
		}
	}
	return u
}
