package asymmetric

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
)

// Maker makes key pairs for accounts. For slow kinds of keys the accounts take turns at slots. It is safe for
// concurrent use.
type Maker struct {
	slots *fair.Slots
	// wait bounds the wait for a turn.
	wait     time.Duration
	generate func(spec string) (*Key, error)
}

// NewMaker returns a maker of keys from generate, which is [Generate] except in tests. A caller waits no longer than
// wait for its turn.
func NewMaker(slots *fair.Slots, wait time.Duration, generate func(spec string) (*Key, error)) *Maker {
	return &Maker{slots: slots, wait: wait, generate: generate}
}

// Make makes a key pair. The error is [fair.ErrTooManyWaiting] if too many callers wait or no turn comes in time; that
// of ctx, if it ends first; or that of the generation.
//
// crypto/rsa can't be interrupted, and our own search for primes would be outside of its FIPS 140-3 module. So when a
// caller goes away, the work does not end, but nothing waits for it: see [fair.Run].
func (m *Maker) Make(ctx context.Context, account, spec string) (*Key, error) {
	if isQuick(spec) {
		return m.generate(spec)
	}
	if err := m.enter(ctx, account); err != nil {
		return nil, err
	}
	return fair.Run(ctx, m.slots, func() (*Key, error) { return m.generate(spec) }, (*Key).Clear)
}

// enter waits for a turn. The time limit does not include the work after that: a turn that a caller has waited for
// should not be wasted.
func (m *Maker) enter(ctx context.Context, account string) error {
	waitCtx, cancel := context.WithTimeout(ctx, m.wait)
	defer cancel()
	err := m.slots.Enter(waitCtx, account)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fair.ErrTooManyWaiting
	}
	return err
}

// isQuick reports whether keys of a KeySpec are quick to make: those on curves.
func isQuick(spec string) bool {
	return slices.Contains([]string{kmsapi.KeySpecP256, kmsapi.KeySpecP256K, kmsapi.KeySpecSM2}, spec)
}
