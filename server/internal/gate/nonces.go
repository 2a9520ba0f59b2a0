package gate

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

// NonceStore keeps nonces that must survive a restart. [keyring.Keyring] implements it.
type NonceStore interface {
	// KeepNonce stores a key, which may be deleted once it has expired.
	KeepNonce(ctx context.Context, key string, expires time.Time) error
	// DropNonces deletes the keys that begin with prefix and for which isDropped returns true.
	DropNonces(ctx context.Context, prefix string, isDropped func(key string) bool) error
	// EachNonce visits the stored keys.
	EachNonce(ctx context.Context, visit func(key string) error) error
}

// openNonces makes a nonce memory, and loads what an earlier run has stored.
func openNonces(ctx context.Context, s NonceStore, o replay.Options) (*replay.Memory, error) {
	o.Durable, o.Drop = s.KeepNonce, s.DropNonces
	memory := replay.New(o)
	return memory, s.EachNonce(ctx, memory.Load)
}

// The reasons that [Metrics.NonceRefused] is called with.
const (
	NonceUsed   = "used"
	NonceTooOld = "too_old"
	NonceAhead  = "ahead"
)

// checkNonce accepts the nonce of a request that accessKeyID has signed at a time, once.
func (g *Gate) checkNonce(accessKeyID, nonce string, at time.Time) (replay.Nonce, error) {
	n, err := g.nonces.Remember(accessKeyID, nonce, at)
	switch {
	case errors.Is(err, replay.ErrUsed):
		g.metrics.NonceRefused(NonceUsed)
		return n, kmsapi.ErrSignatureNonceUsed
	case errors.Is(err, replay.ErrTooOld):
		g.metrics.NonceRefused(NonceTooOld)
		return n, kmsapi.ErrIllegalTimestamp.WithMessage(
			"The Timestamp is before the service's start, or before a time that its clock has shown, so the service can't tell whether it has seen the request before. Sign it again.")
	default:
		return n, err
	}
}

// aheadPerSecond is how many requests per second of an access key may be ahead of the clock: the highest rate limit of
// the real service. Each costs a write.
const aheadPerSecond = 1000

// keepNonce stores the nonce of a request that is ahead of the clock. It is the last check before the request runs, so
// that a request without permission, or above its rate limit, costs no write.
func (g *Gate) keepNonce(ctx context.Context, n replay.Nonce, now time.Time) error {
	if n.Ahead() && !g.ahead.allow(n.AccessKeyID(), aheadPerSecond, now) {
		g.metrics.NonceRefused(NonceAhead)
		return kmsapi.ErrThrottling.WithMessage(
			"QPS Limit Exceeded. Too many requests have a Timestamp ahead of the service's clock. Set the clock of the machine that signs.")
	}
	return g.nonces.Keep(ctx, n)
}

// Sweep deletes stored nonces that the memory has given up to make room.
func (g *Gate) Sweep(ctx context.Context) error { return g.nonces.DropGivenUp(ctx) }
