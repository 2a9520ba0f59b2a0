package api

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// API runs operations. It is safe for parallel use.
type API struct {
	keys         *keyring.Keyring
	wrappingKeys WrappingKeys
	keyPairs     KeyPairs
	keyWait      time.Duration
	quotas       atomic.Pointer[config.Quotas]
	rotation     atomic.Pointer[config.RotationBounds]
	regions      map[string]bool
	rand         io.Reader
	instances    atomic.Pointer[Instances]
	// strictDefaultKeys is [Options.StrictDefaultKeys].
	strictDefaultKeys bool
	// fips is [Options.FIPS], and sm is [Options.SM].
	fips, sm bool
}

// WrappingKeys makes wrapping keys for imports. [wrapping.Pool] implements it.
type WrappingKeys interface {
	// Get returns a key that no other caller gets. The caller clears it.
	Get(ctx context.Context, account string) (*wrapping.Key, error)
}

// Options of [New]. All fields are required.
type Options struct {
	Keys         *keyring.Keyring
	WrappingKeys WrappingKeys
	KeyPairs     KeyPairs
	// KeyWait bounds the wait for a wrapping key, so that an answer can still be written.
	KeyWait  time.Duration
	Quotas   config.Quotas
	Rotation config.RotationBounds
	// Regions are the regions that the service works in.
	Regions map[string]bool
	// Rand is the source of data keys.
	Rand io.Reader
	// Instances are the KMS instances of the configuration.
	Instances Instances
	// StrictDefaultKeys makes CMKs outside of KMS instances default keys. Each account has at most one per region.
	StrictDefaultKeys bool
	// FIPS refuses what FIPS 140-3 does not approve.
	FIPS bool
	// SM serves EC_SM2 and Aliyun_SM4. The program must be built with the code for them.
	SM bool
}

// New returns an API.
func New(o Options) *API {
	a := &API{
		keys: o.Keys, wrappingKeys: o.WrappingKeys, keyWait: o.KeyWait, regions: o.Regions, rand: o.Rand,
		strictDefaultKeys: o.StrictDefaultKeys, keyPairs: o.KeyPairs, fips: o.FIPS, sm: o.SM,
	}
	a.SetInstances(o.Instances)
	a.SetQuotas(o.Quotas)
	a.SetRotation(o.Rotation)
	return a
}

// SetQuotas replaces the quotas with q, whose defaults must be filled in. Resources beyond the new quotas stay.
func (a *API) SetQuotas(q config.Quotas) { a.quotas.Store(&q) }

// Quotas returns the current quotas, with defaults filled in.
func (a *API) Quotas() config.Quotas { return *a.quotas.Load() }

// SetRotation replaces the bounds for later requests. CMKs keep their rotation intervals.
func (a *API) SetRotation(b config.RotationBounds) { a.rotation.Store(&b) }

// Serves reports whether there is a handler for op.
func Serves(op kmsapi.Operation) bool {
	_, ok := operations[op]
	return ok
}

// Run runs the operation of inv, which must be served and authorized.
func (a *API) Run(ctx context.Context, inv *Invocation, params kmsapi.Params) (kmsapi.Response, error) {
	return operations[inv.Operation].run(a, ctx, inv, params)
}
