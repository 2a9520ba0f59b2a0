package server

import (
	"context"
	"runtime"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// maxPairsWaiting is how many callers of one account wait for a turn to make an RSA key.
const maxPairsWaiting = 16

// newKeyMakers returns what makes RSA keys. Half of the cores do that at the same time, whatever the keys are for, so
// that the others are left to other requests, and accounts take turns. What is made ahead for imports is an account of
// its own.
func newKeyMakers(o Options) (*wrapping.Pool, *asymmetric.Maker) {
	cores := max(1, runtime.GOMAXPROCS(0)/2)
	slots := fair.NewSlots(cores, max(cores, maxPairsWaiting)) // The pool has as many workers, which are never refused.
	pool := wrapping.NewPool(func(ctx context.Context) (*wrapping.Key, error) {
		if err := slots.Enter(ctx, ""); err != nil {
			return nil, err
		}
		defer slots.Leave()
		return o.generate()
	})
	return pool, asymmetric.NewMaker(slots, keyWait, o.generatePair)
}
