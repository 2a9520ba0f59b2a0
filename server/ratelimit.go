package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// RateLimits bound the requests of an account in a region, by class, in requests a second; so many may also come at once.
// 0 means the default, the real service's, and -1 no limit.
type RateLimits struct {
	// Crypto is for Encrypt, Decrypt and GenerateDataKey together; 0 means 1,000.
	Crypto int `hcl:"crypto,optional"`
	// CreateKey is for CreateKey alone; 0 means 10.
	CreateKey int `hcl:"create_key,optional"`
	// Write is for all else that changes something; 0 means 30.
	Write int `hcl:"write,optional"`
	// Read is for what describes and lists; 0 means 50.
	Read int `hcl:"read,optional"`
	// ListTags is for ListResourceTags alone; 0 means 300.
	ListTags int `hcl:"list_tags,optional"`
}

// defaultRates are those of the real service.
var defaultRates = map[kmsapi.RateClass]int{
	kmsapi.RateCrypto: 1000, kmsapi.RateCreateKey: 10, kmsapi.RateWrite: 30, kmsapi.RateRead: 50, kmsapi.RateListTags: 300,
}

// byClass gives the rate of every class, without defaults. It may be called on nil.
func (l *RateLimits) byClass() map[kmsapi.RateClass]int {
	if l == nil {
		l = &RateLimits{}
	}
	return map[kmsapi.RateClass]int{
		kmsapi.RateCrypto: l.Crypto, kmsapi.RateCreateKey: l.CreateKey, kmsapi.RateWrite: l.Write, kmsapi.RateRead: l.Read, kmsapi.RateListTags: l.ListTags,
	}
}

func (l *RateLimits) validate() error {
	named := map[string]int{}
	for class, perSecond := range l.byClass() {
		named[string(class)] = perSecond
	}
	return validateQuantities("rate_limits", named)
}

func noRateLimits() *RateLimits {
	return &RateLimits{Crypto: unlimited, CreateKey: unlimited, Write: unlimited, Read: unlimited, ListTags: unlimited}
}

// rateLimiters has a limiter for each class of each account and region that has had a request. All three come from the
// configuration, so there are never many.
type rateLimiters struct {
	rates map[kmsapi.RateClass]int

	// mu guards limiters and all in them.
	mu       sync.Mutex
	limiters map[rateKey]*rateLimiter
}

// rateLimiter is a limiter on which time does not go back: [rate.Limiter] would let a request that comes with an earlier time
// than another earn the time between them once more.
type rateLimiter struct {
	limiter *rate.Limiter
	last    time.Time
}

type rateKey struct {
	account, region string
	class           kmsapi.RateClass
}

func newRateLimiters(l *RateLimits) *rateLimiters {
	rates := l.byClass()
	for class, standard := range defaultRates {
		rates[class] = orDefault(rates[class], standard)
	}
	return &rateLimiters{rates: rates, limiters: map[rateKey]*rateLimiter{}}
}

// take counts a request of c, and refuses it if there have been too many.
func (l *rateLimiters) take(c *call) error {
	class := c.operation.RateClass()
	if l.rates[class] == unlimited {
		return nil
	}
	if !l.allow(rateKey{c.account, c.region, class}, c.now) {
		return kmsapi.ErrThrottling
	}
	return nil
}

func (l *rateLimiters) allow(key rateKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.limiters[key]
	if r == nil {
		perSecond := l.rates[key.class]
		r = &rateLimiter{limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond), last: now}
		l.limiters[key] = r
	}
	if now.After(r.last) {
		r.last = now
	}
	return r.limiter.AllowN(r.last, 1)
}
