package gate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

// Gate admits requests to an API. It is safe for parallel use.
type Gate struct {
	api         *api.API
	credentials atomic.Pointer[Credentials]
	nonces      *replay.Memory
	rates       atomic.Pointer[rateLimiters]
	// ahead counts the requests of each access key that are ahead of the clock.
	ahead   limiters[string]
	regions regions
	window  time.Duration
	clock   func() time.Time
	audit   Audit
	metrics Metrics
}

// Audit is the audit log. [audit.Log] implements it.
type Audit interface {
	// Err returns nil unless the last line could not be written.
	Err() error
}

// Metrics counts refusals.
type Metrics interface {
	NonceRefused(reason string)
	RateLimited(class kmsapi.RateClass)
}

// Options of [Open]. All fields are required, unless stated otherwise.
type Options struct {
	API *api.API
	// Config is the whole configuration, which has been validated.
	Config config.Config
	// Credentials are loaded from Config.
	Credentials Credentials
	Nonces      NonceStore
	// Fresh says that Nonces is new, so that no nonce of an earlier run can be missing.
	Fresh bool
	// Mark is what an earlier run has stored about its clock, and Skew is how far that clock may be ahead of Clock: see
	// [replay.Options].
	Mark    replay.Mark
	Skew    time.Duration
	Clock   func() time.Time
	Audit   Audit
	Metrics Metrics
}

// Open returns a gate that remembers the nonces of earlier runs.
func Open(ctx context.Context, o Options) (*Gate, error) {
	window, err := o.Config.Limits.Window()
	if err != nil {
		return nil, err
	}
	g := &Gate{
		api: o.API, regions: newRegions(o.Config),
		window: window, clock: o.Clock, audit: o.Audit, metrics: o.Metrics,
	}
	g.Replace(o.Credentials)
	g.SetRates(o.Config)
	g.nonces, err = openNonces(ctx, o.Nonces, replay.Options{
		Window: window, Max: o.Config.Limits.WithDefaults().MaxNonces, Clock: o.Clock, Fresh: o.Fresh, Mark: o.Mark,
		Skew: o.Skew,
	})
	return g, err
}

// Replace makes the gate accept c, and no other access keys, from now on.
func (g *Gate) Replace(c Credentials) { g.credentials.Store(&c) }

// SetRates applies the rate limits of c from now on, including those of dedicated gateways. If any of them changes,
// every caller may send one more burst.
func (g *Gate) SetRates(c config.Config) {
	rates := newRateLimiters(c)
	if now := g.rates.Load(); now == nil || !now.same(rates) {
		g.rates.Store(rates)
	}
}

// Nonces returns the number of nonces in memory.
func (g *Gate) Nonces() int { return g.nonces.Len() }

// Floor returns the earliest timestamp that requests may have: see [replay.Memory.Floor].
func (g *Gate) Floor() time.Time { return g.nonces.Floor() }

// Mark returns what a later run needs to know about the clock: see [replay.Memory.Mark].
func (g *Gate) Mark() replay.Mark { return g.nonces.Mark() }

// LastMark returns what the gate of another node needs to know once this one admits nothing more: see
// [replay.Memory.LastMark].
func (g *Gate) LastMark() replay.Mark { return g.nonces.LastMark() }

// Answer authenticates a request and runs its operation. It adds what it learns to the audit line, even if it fails.
func (g *Gate) Answer(ctx context.Context, r *Request, line *audit.Record) (kmsapi.Response, error) {
	var inv api.Invocation
	defer func() { // A request that panics has named its key too.
		line.KeyID, line.InstanceID = inv.KeyID, inv.InstanceID
		line.DestinationKeyID, line.DestinationInstanceID = inv.DestinationKeyID, inv.DestinationInstanceID
		line.Asked = inv.Asked(r.Params)
	}()
	claim, err := r.claim()
	line.Operation, line.AccessKeyID = claim.action, claim.accessKeyID
	if err != nil {
		return nil, err
	}
	now := g.clock()
	caller, nonce, err := g.authenticate(claim, now)
	if err != nil {
		return nil, err
	}
	line.Account = caller.account
	r.Connection.Authenticated()
	region, err := g.regions.of(r)
	if err != nil {
		return nil, err
	}
	line.Region = region
	if claim.version != kmsapi.Version {
		return nil, kmsapi.InvalidParameter("Version", fmt.Sprintf("It must be %s.", kmsapi.Version))
	}
	inv = api.Invocation{
		Operation: kmsapi.Operation(claim.action), Account: caller.account, Region: region, Gateway: r.Gateway, Now: now,
		Permissions: caller.permissions,
	}
	return g.admit(ctx, &inv, r.Params, nonce)
}

// admit runs an operation that the gateway serves, or answers a dry run of it.
func (g *Gate) admit(
	ctx context.Context, inv *api.Invocation, params kmsapi.Params, nonce replay.Nonce,
) (kmsapi.Response, error) {
	if inv.Gateway != "" && inv.Operation.Plane() != kmsapi.DataPlane {
		return nil, kmsapi.ErrInvalidAPIName.WithMessage(fmt.Sprintf("The ApiName %q is invalid.", inv.Operation))
	}
	if !api.Serves(inv.Operation) {
		return nil, notServed(inv.Operation)
	}
	if err := g.audit.Err(); err != nil {
		// The last line could not be written, so nothing may run that might leave no line. The line about this refusal
		// is the next attempt.
		return nil, ErrNotAudited
	}
	resp, err := g.run(ctx, inv, params, nonce)
	if inv.Operation.IsDryRun(params) {
		return nil, api.DryRunError(err)
	}
	return resp, err
}

// notServed returns the refusal of an operation without a handler.
func notServed(op kmsapi.Operation) error {
	if op.Published() {
		return kmsapi.ErrUnsupportedOperation
	}
	return kmsapi.ErrActionNotFound
}

// run runs an operation, unless its caller has no permission or is above its rate limit.
func (g *Gate) run(
	ctx context.Context, inv *api.Invocation, params kmsapi.Params, nonce replay.Nonce,
) (kmsapi.Response, error) {
	params, err := inv.WithLocalNames(params)
	if err != nil {
		return nil, err
	}
	if err := inv.Authorize(params); err != nil {
		return nil, err
	}
	if err := g.rates.Load().take(inv); err != nil {
		g.metrics.RateLimited(inv.Operation.RateClass())
		return nil, err
	}
	if err := g.keepNonce(ctx, nonce, inv.Now); err != nil {
		return nil, err
	}
	return g.api.Run(ctx, inv, params)
}

// ErrNotAudited refuses a request, before it does anything, because there would be no audit line of it.
var ErrNotAudited = kmsapi.ErrServiceUnavailable.WithMessage(
	"Service Unavailable Temporary. The audit log can't be written.")
