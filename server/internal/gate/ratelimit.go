package gate

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// rateLimiters has a limiter for each class of each account and region that has had a request. All three come from the
// configuration, so there are never many.
type rateLimiters struct {
	perSecond map[kmsapi.RateClass]int
	// dedicated are the rates of dedicated gateways, by their KMS instances.
	dedicated map[string]int
	limiters  limiters[rateKey]
}

// limiters has a limiter for each key that has had a request. It is safe for parallel use.
type limiters[K comparable] struct {
	// mu guards byKey and everything in it.
	mu    sync.Mutex
	byKey map[K]*rateLimiter
}

// rateLimiter is a limiter whose time does not go back: if a request had an earlier time than the one before, a
// [rate.Limiter] would credit the time between them a second time.
type rateLimiter struct {
	limiter *rate.Limiter
	last    time.Time
	counted meter
}

type rateKey struct {
	account, region string
	// gateway is the KMS instance of a dedicated gateway, whose requests share one limiter; empty for the shared
	// gateway.
	gateway string
	class   kmsapi.RateClass
}

func newRateLimiters(c config.Config) *rateLimiters {
	l := &rateLimiters{
		perSecond: c.RateLimits.PerSecond(), dedicated: map[string]int{},
	}
	for _, i := range c.AllInstances() {
		l.dedicated[i.ID] = i.Spec
	}
	return l
}

// same reports whether l and o have the same rates.
func (l *rateLimiters) same(o *rateLimiters) bool {
	return maps.Equal(l.perSecond, o.perSecond) && maps.Equal(l.dedicated, o.dedicated)
}

// Limits returns the requests a second that an account may send in a region, by class, and those that dedicated
// gateways serve, by their KMS instances. The caller must not change the maps.
func (g *Gate) Limits() (perSecond map[kmsapi.RateClass]int, dedicated map[string]int) {
	rates := g.rates.Load()
	return rates.perSecond, rates.dedicated
}

// take counts a request, and refuses it if there have been too many.
func (l *rateLimiters) take(inv *api.Invocation) error {
	class := inv.Operation.RateClass()
	if l.perSecond[class] == config.Unlimited {
		return nil
	}
	key, perSecond := rateKey{account: inv.Account, region: inv.Region, class: class}, l.perSecond[class]
	if inv.Gateway != "" {
		key, perSecond = rateKey{gateway: inv.Gateway, class: class}, l.dedicated[inv.Gateway]
	}
	if !l.limiters.allow(key, perSecond, inv.Now) {
		return kmsapi.ErrThrottling
	}
	return nil
}

// allow counts a request at now, and reports whether it may pass. The limiter of key lets perSecond pass, with a burst
// of the same size.
func (l *limiters[K]) allow(key K, perSecond int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.byKey[key]
	if r == nil {
		if l.byKey == nil {
			l.byKey = map[K]*rateLimiter{}
		}
		r = &rateLimiter{limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond), last: now}
		l.byKey[key] = r
	}
	if now.After(r.last) {
		r.last = now
	}
	allowed := r.limiter.AllowN(r.last, 1)
	r.counted.count(r.last, allowed)
	return allowed
}
