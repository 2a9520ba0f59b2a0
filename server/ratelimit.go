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

// A rateClass is a group of operations that share a rate limit.
type rateClass string

const (
	rateCrypto    rateClass = "crypto"
	rateCreateKey rateClass = "create_key"
	rateWrite     rateClass = "write"
	rateRead      rateClass = "read"
	rateListTags  rateClass = "list_tags"
)

// defaultRates are those of the real service.
var defaultRates = map[rateClass]int{
	rateCrypto: 1000, rateCreateKey: 10, rateWrite: 30, rateRead: 50, rateListTags: 300,
}

// rateClasses says how every operation is counted.
var rateClasses = map[kmsapi.Operation]rateClass{
	kmsapi.OpCreateKey:              rateCreateKey,
	kmsapi.OpEncrypt:                rateCrypto,
	kmsapi.OpDecrypt:                rateCrypto,
	kmsapi.OpGenerateDataKey:        rateCrypto,
	kmsapi.OpDescribeKey:            rateRead,
	kmsapi.OpListKeys:               rateRead,
	kmsapi.OpListAliases:            rateRead,
	kmsapi.OpListAliasesByKeyId:     rateRead,
	kmsapi.OpDescribeRegions:        rateRead,
	kmsapi.OpGetParametersForImport: rateWrite,
	kmsapi.OpListResourceTags:       rateListTags,
	kmsapi.OpEnableKey:              rateWrite,
	kmsapi.OpDisableKey:             rateWrite,
	kmsapi.OpScheduleKeyDeletion:    rateWrite,
	kmsapi.OpCancelKeyDeletion:      rateWrite,
	kmsapi.OpImportKeyMaterial:      rateWrite,
	kmsapi.OpDeleteKeyMaterial:      rateWrite,
	kmsapi.OpCreateAlias:            rateWrite,
	kmsapi.OpUpdateAlias:            rateWrite,
	kmsapi.OpDeleteAlias:            rateWrite,
	kmsapi.OpTagResource:            rateWrite,
	kmsapi.OpUntagResource:          rateWrite,
}

// byClass gives the rate of every class, without defaults. It may be called on nil.
func (l *RateLimits) byClass() map[rateClass]int {
	if l == nil {
		l = &RateLimits{}
	}
	return map[rateClass]int{
		rateCrypto: l.Crypto, rateCreateKey: l.CreateKey, rateWrite: l.Write, rateRead: l.Read, rateListTags: l.ListTags,
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
	rates map[rateClass]int

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
	class           rateClass
}

func newRateLimiters(l *RateLimits) *rateLimiters {
	rates := l.byClass()
	for class, standard := range defaultRates {
		rates[class] = orDefault(rates[class], standard)
	}
	return &rateLimiters{rates: rates, limiters: map[rateKey]*rateLimiter{}}
}

// take counts a request, and refuses it if there have been too many.
func (l *rateLimiters) take(inv *invocation) error {
	class := rateClasses[inv.operation]
	if l.rates[class] == unlimited {
		return nil
	}
	if !l.allow(rateKey{inv.scope.Account, inv.scope.Region, class}, inv.now) {
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
