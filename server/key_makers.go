package server

import (
	"context"
	"runtime"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// maxPairsWaiting is how many callers of one account may wait for their turn to make an RSA key.
const maxPairsWaiting = 16

// newKeyMakers returns the makers of wrapping keys and of key pairs. Together they make RSA keys on at most half of the
// cores, which leaves the rest to other requests. Accounts take turns; the wrapping keys that are made in advance count
// as an account of their own.
func newKeyMakers(o Options) (*wrapping.Pool, *asymmetric.Maker) {
	cores := max(1, runtime.GOMAXPROCS(0)/2)
	slots := fair.NewSlots(cores, max(cores, maxPairsWaiting)) // The pool's workers are never refused: it has no more.
	pool := wrapping.NewPool(func(ctx context.Context) (*wrapping.Key, error) {
		if err := slots.Enter(ctx, ""); err != nil {
			return nil, err
		}
		defer slots.Leave()
		return o.generate()
	})
	return pool, asymmetric.NewMaker(slots, keyWait, o.generatePair)
}
