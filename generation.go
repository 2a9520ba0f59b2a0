package alicloudkms

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"
)

// renewSharers gives each name of the CMKs a new generation, the key called first before the others. It goes on where
// one fails, and returns the first error. At least this node has no data key of the names any longer then, since it
// drops those of all. The caller has no reservation, since those of the names are waited for.
func (b *backend) renewSharers(ctx context.Context, req *logical.Request, first string, cmks []string) error {
	if len(cmks) == 0 {
		return nil
	}
	failed := b.renew(ctx, req.Storage, first)
	names, err := b.sharersOf(ctx, req, cmks)
	failed = cmp.Or(failed, err)
	for _, name := range names {
		if name != first {
			failed = cmp.Or(failed, b.renew(ctx, req.Storage, name))
		}
	}
	if failed != nil {
		b.dataKeys.DropAll()
	}
	return failed
}

// renew gives a key a new generation, unless it was deregistered meanwhile.
func (b *backend) renew(ctx context.Context, s logical.Storage, name string) error {
	release, err := b.awaitKey(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	entry, err := loadKey(ctx, s, name)
	if err != nil || entry == nil {
		return err
	}
	entry.Generation = rand.Text()
	return b.storeKey(ctx, s, name, entry)
}

// sharersOf returns the names of keys that have one of the CMKs, also if an entry can't be read, of which the error
// tells.
func (b *backend) sharersOf(ctx context.Context, req *logical.Request, cmks []string) (names []string, err error) {
	err = b.eachKey(ctx, req, func(k target) {
		if slices.ContainsFunc(k.entry.cmks(), func(c storedCMK) bool { return slices.Contains(cmks, c.KeyID) }) {
			names = append(names, k.name)
		}
	})
	return names, err
}
