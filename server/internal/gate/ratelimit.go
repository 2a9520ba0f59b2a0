package gate

import (
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

	// mu guards limiters and everything in them.
	mu       sync.Mutex
	limiters map[rateKey]*rateLimiter
}

// rateLimiter is a limiter whose time does not go back: a [rate.Limiter] would let a request with an earlier time than
// the one before earn the time between them a second time.
type rateLimiter struct {
	limiter *rate.Limiter
	last    time.Time
}

type rateKey struct {
	account, region string
	// gateway is the KMS instance of a dedicated gateway, whose requests share one limiter; empty for the shared gateway.
	gateway string
	class   kmsapi.RateClass
}

func newRateLimiters(c config.Config) *rateLimiters {
	l := &rateLimiters{
		perSecond: c.RateLimits.PerSecond(), dedicated: map[string]int{}, limiters: map[rateKey]*rateLimiter{},
	}
	for _, i := range c.AllInstances() {
		l.dedicated[i.ID] = i.Spec
	}
	return l
}

// take counts a request, and refuses it if there have been too many.
func (l *rateLimiters) take(inv *api.Invocation) error {
	class := inv.Operation.RateClass()
	if l.perSecond[class] == config.Unlimited {
		return nil
	}
	key := rateKey{account: inv.Account, region: inv.Region, class: class}
	if inv.Gateway != "" {
		key = rateKey{gateway: inv.Gateway, class: class}
	}
	if !l.allow(key, inv.Now) {
		return kmsapi.ErrThrottling
	}
	return nil
}

func (l *rateLimiters) allow(key rateKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.limiters[key]
	if r == nil {
		perSecond := l.perSecond[key.class]
		if key.gateway != "" {
			perSecond = l.dedicated[key.gateway]
		}
		r = &rateLimiter{limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond), last: now}
		l.limiters[key] = r
	}
	if now.After(r.last) {
		r.last = now
	}
	return r.limiter.AllowN(r.last, 1)
}
