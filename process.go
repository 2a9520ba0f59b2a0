package alicloudkms

import (
	"context"
	"crypto/sha256"
	"os"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/budget"
)

const (
	// maxProcessBatches and maxMountBatches bound the bytes of the batches in progress.
	maxProcessBatches = 256 << 20
	maxMountBatches   = 64 << 20
)

// A process is what the mounts in one process share. The plugin has a process for each mount, but a program that embeds
// the engine may have many in one. Only batches and dataKeys change.
type process struct {
	// open makes a client for a configuration, without I/O.
	open func(client.Config) (kms, error)
	// allowLocal is the operator's consent given with allowLocalVariable.
	allowLocal bool
	// instanceRoot is the checksum of the root certificate of dedicated gateways.
	instanceRoot [sha256.Size]byte
	// now is the clock. wait waits by that clock, or until the context ends.
	now  func() time.Time
	wait func(context.Context, time.Duration) error
	// patience is how long a change of state waits for another request that is changing the same key.
	patience time.Duration
	// completeTimeout and healthTimeout are usually the constants of those names.
	completeTimeout, healthTimeout time.Duration
	// batches bounds the bytes of the batches of all mounts.
	batches *budget.Budget
	// dataKeys holds the unwrapped data keys of all mounts, each of which sees only its own.
	dataKeys *envelope.Cache
}

func newProcess(open func(client.Config) (kms, error)) *process {
	p := &process{
		open:         open,
		allowLocal:   os.Getenv(allowLocalVariable) == "true",
		instanceRoot: alibabaCloudsRoot,
		now:          time.Now,
		wait:         sleep,
		patience:     10 * time.Second,
		batches:      budget.New(maxProcessBatches, nil),

		completeTimeout: completeTimeout,
		healthTimeout:   healthTimeout,
	}
	p.dataKeys = envelope.NewCache(envelope.Options{
		Timeout: unwrapTimeout, Refused: isRefusal, Now: func() time.Time { return p.now() },
	})
	return p
}

// NewFactory returns the factory for all mounts of one process, which share a bound on the memory for their batches. It
// reads the environment variable ALICLOUDKMS_ALLOW_LOCAL_ENDPOINT.
func NewFactory() logical.Factory {
	shared := newProcess(openClient)
	return func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
		return newBackend(ctx, conf, shared)
	}
}

// Factory makes the engine for a mount that shares its process with no other. It does no I/O and needs no
// configuration, since Vault also calls it just to learn type, paths and version.
func Factory(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	return NewFactory()(ctx, conf)
}
