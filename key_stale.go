package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// staleAfter is how old a cached entry must be before it is read again because it lacks something.
const staleAfter = time.Second

// An unknownVersionError says that a key has no version of that number.
type unknownVersionError struct{ asked, newest int }

func (e *unknownVersionError) Error() string {
	return fmt.Sprintf("the key has no version %d: its newest is %d", e.asked, e.newest)
}

// isUnknown reports whether a request failed because the entry does not know a CMK or a version, or may name a CMK that
// has since been replaced and taken out of use.
func isUnknown(err error) bool {
	_, foreign := errors.AsType[*foreignError](err)
	_, version := errors.AsType[*unknownVersionError](err)
	_, noDataKey := errors.AsType[*noDataKeyError](err)
	if foreign || version || noDataKey {
		return true
	}
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && (refused.Kind() == kmsapi.KindState || refused.Is(kmsapi.ErrKeyNotFound))
}

// useTarget runs a handler. A node may learn late of what others have written, so if the handler fails in a way that an
// outdated entry explains, and storage has other versions, useTarget runs it again.
func useTarget[A any](
	ctx context.Context, b *backend, req *logical.Request, conn *connection, k target, d *framework.FieldData,
	handle keyUse[A],
) (answer A, err error) {
	answer, err = handle(ctx, conn, k, d)
	if err == nil || !isUnknown(err) {
		return answer, withTarget(err, k)
	}
	newer := b.newerKey(ctx, req, k)
	if newer == nil {
		return answer, withTarget(err, k)
	}
	if conn, err = b.connection(ctx, req); err != nil {
		return answer, err
	}
	k = target{k.name, newer}
	answer, err = handle(ctx, conn.of(newer.Instance), k, d)
	return answer, withTarget(err, k)
}

// newerKey returns the stored entry if its versions differ from k's, and nil otherwise. It reads storage at most once a
// second for a key.
func (b *backend) newerKey(ctx context.Context, req *logical.Request, k target) *keyEntry {
	known, err, _ := b.rereading.Do(k.name, func() (any, error) {
		kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		known, err := b.cachedKey(kept, req, k.name)
		if err != nil || known == nil || b.process.now().Sub(known.read) < staleAfter {
			return known, err
		}
		b.keys.Forget(k.name)
		return b.cachedKey(kept, req, k.name)
	})
	entry, _ := known.(*keyEntry)
	if err != nil || entry == nil || slices.Equal(entry.versions.Rows, k.entry.versions.Rows) {
		return nil
	}
	return entry
}
