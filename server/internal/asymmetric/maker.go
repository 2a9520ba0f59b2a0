package asymmetric

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
)

// Maker makes key pairs for accounts, which take turns at the slots where that takes long. It is safe for concurrent
// use.
type Maker struct {
	slots    *fair.Slots
	generate func(spec string) (*Key, error)
}

// NewMaker returns a maker of keys from generate, which is [Generate] except in tests.
func NewMaker(slots *fair.Slots, generate func(spec string) (*Key, error)) *Maker {
	return &Maker{slots: slots, generate: generate}
}

// Make makes a key pair. ctx ends the wait for a turn, not the work. The error is [fair.ErrTooManyWaiting], that of
// ctx, or that of the generation.
func (m *Maker) Make(ctx context.Context, account, spec string) (*Key, error) {
	if isQuick(spec) {
		return m.generate(spec)
	}
	if err := m.slots.Enter(ctx, account); err != nil {
		return nil, err
	}
	defer m.slots.Leave()
	return m.generate(spec)
}

func isQuick(spec string) bool { return spec == kmsapi.KeySpecP256 || spec == kmsapi.KeySpecP256K }
