package alicloudkms

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// maxStrays bounds the concurrent calls for wrapped keys that are in no row: anyone allowed to decrypt can send
	// them.
	maxStrays = 16
	// unwrapTimeout bounds a call for a data key, which goes on after its request has ended. Its attempts have their
	// own timeouts.
	unwrapTimeout = maxRequestTimeout
)

// isRefusal reports whether KMS has said that a data key may not be used. Other failures, such as throttling or a lost
// answer, do not say that.
func isRefusal(err error) bool {
	if _, ok := errors.AsType[*foreignError](err); ok {
		return true
	}
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && (refused.Kind() == kmsapi.KindState || refused.Kind() == kmsapi.KindPermission ||
		refused.Kind() == kmsapi.KindNotFound)
}

// A wrapped is a data key in the form that a ciphertext or a row holds.
type wrapped struct {
	version int
	key     []byte
	ref     envelope.Ref
	// isRow says that it is in a row, and isNewest that it is the one that encrypts.
	isRow, isNewest bool
}

// ofRow returns the data key of a row.
func (k target) ofRow(c *connection, row *dataKey) *wrapped {
	return &wrapped{
		version: row.version, key: row.wrapped, ref: k.refOf(c, row.version, row.hash),
		isRow: true, isNewest: row.version == k.entry.versions.Newest(),
	}
}

// ofMessage returns the data key of a message.
func (k target) ofMessage(c *connection, m *envelope.Message) *wrapped {
	n, hash := int(m.Version), envelope.HashWrapped(m.Wrapped)
	if row := k.entry.dataKeys[n]; row != nil && row.hash == hash {
		return k.ofRow(c, row)
	}
	return &wrapped{version: n, key: m.Wrapped, ref: k.refOf(c, n, hash)}
}

func (k target) refOf(c *connection, n int, hash [32]byte) envelope.Ref {
	return envelope.Ref{
		Name: k.name, Generation: k.entry.Generation, Epoch: c.epoch,
		ID: k.entry.EnvelopeID, Version: uint32(n), Wrapped: hash,
	}
}

// withDataKey calls use with a data key, and again if the key may no longer be used when use returns: its result must
// then not leave the engine.
func (b *backend) withDataKey(
	ctx context.Context, c *connection, k target, w *wrapped, use func(*envelope.Key) error,
) error {
	held := ctx.Value(leasesKey{}).(*leases)
	isLate := false // Another request's call took longer than cache_ttl.
	for {
		lease, isNew, err := held.get(w.ref, func() (*envelope.Lease, error) {
			return b.acquire(ctx, c, k, w, envelope.Use{Alone: isLate, Drops: held.drops})
		})
		if err != nil {
			return unshared(err)
		}
		err = use(lease.Key())
		if lease.Valid() || isNew && lease.ValidOnce() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		isLate = isNew
	}
}

func (b *backend) acquire(
	ctx context.Context, c *connection, k target, w *wrapped, use envelope.Use,
) (*envelope.Lease, error) {
	version, isRow, key := w.version, w.isRow, w.key
	if !isRow {
		// Calls for data keys go on after the request has ended, when its bytes may have been reused.
		key = slices.Clone(key)
	}
	use.Ref, use.TTL, use.Newest, use.Stray = w.ref, c.cacheTTL, w.isNewest, !isRow
	return b.dataKeys.Acquire(ctx, use,
		func(ctx context.Context) (*[envelope.KeySize]byte, error) {
			if isRow {
				return b.unwrap(ctx, c, k, version, key)
			}
			if err := b.strays.take(ctx); err != nil {
				return nil, err
			}
			defer b.strays.release()
			return b.unwrap(ctx, c, k, version, key)
		})
}

// unwrap has KMS open the data key of a version. Only one wrapped by a CMK of the key is accepted.
func (b *backend) unwrap(
	ctx context.Context, c *connection, k target, n int, key []byte,
) (*[envelope.KeySize]byte, error) {
	encCtx, err := dataKeyContext(k.entry, n)
	if err != nil {
		return nil, err
	}
	blob := base64.StdEncoding.EncodeToString(key)
	answer, err := call(ctx, k.entry.opensOver(c, blob), &kmsapi.DecryptRequest{
		CiphertextBlob: blob, EncryptionContext: encCtx,
	})
	if err != nil {
		return nil, k.unopened(err, blob)
	}
	if !k.entry.hasCMK(answer.KeyId) {
		return nil, &foreignError{requestID: answer.ID()}
	}
	secret := new([envelope.KeySize]byte)
	plaintext, err := base64.StdEncoding.DecodeString(answer.Plaintext.Reveal())
	defer clear(plaintext)
	if err != nil || len(plaintext) != len(secret) {
		return nil, k.unusable(kmsapi.OpDecrypt, errNoDataKey)
	}
	copy(secret[:], plaintext)
	return secret, nil
}

// unopened returns the error of a call to open a data key. KMS may not find the CMK that wrapped it; unless a row has
// that CMK's version, the data key does not belong to the key.
func (k target) unopened(err error, blob string) error {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if ok && refused.Is(kmsapi.ErrKeyNotFound) && k.entry.rowLike(blob) == nil {
		return &foreignError{requestID: refused.RequestID}
	}
	return ofDataKey(withTarget(err, k))
}

// ofDataKey marks the error of a call to open a data key, for the advice that goes with it: what KMS could not decrypt
// did not come from the caller.
func ofDataKey(err error) error {
	if failed, ok := errors.AsType[*callError](err); ok {
		failed.ofDataKey = true
	}
	return err
}

var errNoDataKey = errors.New("what KMS decrypted is not a data key")
