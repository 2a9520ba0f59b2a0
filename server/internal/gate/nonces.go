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
	// KeepNonce writes down a key, which may be deleted once it has expired.
	KeepNonce(ctx context.Context, key string, expires time.Time) error
	// EachNonce visits the keys that are written down.
	EachNonce(ctx context.Context, visit func(key string) error) error
}

// openNonces makes a nonce memory, with what an earlier run wrote down.
func openNonces(ctx context.Context, s NonceStore, o replay.Options) (*replay.Memory, error) {
	o.Durable = s.KeepNonce
	memory := replay.New(o)
	return memory, s.EachNonce(ctx, memory.Load)
}

// The reasons that [Metrics.NonceRefused] is called with.
const (
	NonceUsed   = "used"
	NonceTooOld = "too_old"
)

// checkNonce accepts the nonce of a request that accessKeyID has signed at a time, once.
func (g *Gate) checkNonce(ctx context.Context, accessKeyID, nonce string, at time.Time) error {
	err := g.nonces.Remember(ctx, accessKeyID, nonce, at)
	switch {
	case errors.Is(err, replay.ErrUsed):
		g.metrics.NonceRefused(NonceUsed)
		return kmsapi.ErrSignatureNonceUsed
	case errors.Is(err, replay.ErrTooOld):
		g.metrics.NonceRefused(NonceTooOld)
		return kmsapi.ErrIllegalTimestamp.WithMessage(
			"The Timestamp is before the service's start, so it can't tell whether it has seen the request before. Sign it again.")
	default:
		return err
	}
}
