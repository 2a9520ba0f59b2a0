package alicloudkms

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// touchedCMKs are the CMKs whose state a request to the key called name may have changed. Other names may share them.
type touchedCMKs struct {
	name string
	ids  []string
	// then is called once all names have their new generation. It may be nil.
	then func(context.Context) error
}

func (t *touchedCMKs) add(name string, cmk storedCMK) { t.name, t.ids = name, append(t.ids, cmk.KeyID) }

// renewing adapts a handler that notes the CMKs that it touches. The caller is answered only when these have new
// generations.
func (b *backend) renewing(handler func(*touchedCMKs) framework.OperationFunc) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		var touched touchedCMKs
		resp, err := handler(&touched)(ctx, req, d)
		if unstored := b.renewTouched(ctx, req, touched); unstored != nil {
			return nil, withUnstored(err, unstored)
		}
		if touched.then != nil {
			err = cmp.Or(err, touched.then(ctx))
		}
		if err != nil {
			return nil, err
		}
		return resp, nil
	}
}

// renewTouched gives all names of CMKs in this mount a new generation, so that no node goes on using what it remembers
// of them. Storage must be written even if the caller is gone. If that fails, the error is an [unstoredError].
func (b *backend) renewTouched(ctx context.Context, req *logical.Request, touched touchedCMKs) error {
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	failed := b.renewSharers(kept, req, touched.name, touched.ids)
	if failed == nil {
		return nil
	}
	b.Logger().Error("the state of KMS keys was changed, but not all keys that have them were stored",
		"key", touched.name, "key_ids", touched.ids, "error", failed)
	unstored := &unstoredError{cmks: touched.ids, reason: failed}
	if conn, err := b.connection(kept, req); err == nil {
		unstored.cacheTTL = conn.cacheTTL
	}
	return unstored
}

// An unstoredError says that other nodes do not know yet that the state of CMKs may have changed.
type unstoredError struct {
	cmks   []string
	reason error
	// cacheTTL is how long they may use what they remember.
	cacheTTL time.Duration
}

func (e *unstoredError) Error() string {
	return fmt.Sprintf("KMS may have changed %s, but storing that for the other nodes of Vault failed: %s. They may go on with the data keys that they have for up to cache_ttl, which is %d s; send the same request again",
		strings.Join(e.cmks, ", "), e.reason, int(e.cacheTTL/time.Second))
}

// withUnstored adds to the error of a request, which may be nil, what was not stored.
func withUnstored(err, unstored error) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.done = refusal.Sentences(failed.done, unstored.Error())
		return failed
	}
	if err == nil {
		return refusal.Internal("%s", unstored)
	}
	return refusal.Internal("%s", refusal.Sentences(err.Error(), unstored.Error()))
}

// renewSharers gives each name of the CMKs a new generation, the key called first before the others. It continues after
// one that fails, and returns the first error. Even then, this node has dropped the data keys of all names. The caller
// must hold no reservation, because renewSharers waits for those of the names.
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

// sharersOf returns the names of keys that have one of the CMKs. If an entry can't be read, it returns the other names
// with the error.
func (b *backend) sharersOf(ctx context.Context, req *logical.Request, cmks []string) (names []string, err error) {
	err = b.eachKey(ctx, req, func(k target) {
		if slices.ContainsFunc(k.entry.cmks(), func(c storedCMK) bool { return slices.Contains(cmks, c.KeyID) }) {
			names = append(names, k.name)
		}
	})
	return names, err
}
