package config

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Unlimited is the quota or rate limit that is none.
const Unlimited = -1

// Quotas bound what an account may have in a region. 0 means the default, the real service's, and [Unlimited] no bound.
type Quotas struct {
	// Keys counts CMKs in every state, also those whose deletion is scheduled; 0 means 200.
	Keys int `hcl:"keys,optional"`
	// Aliases: 0 means 300.
	Aliases int `hcl:"aliases,optional"`
}

// The defaults of [Quotas].
const (
	DefaultKeyQuota   = 200
	DefaultAliasQuota = 300
)

func (q *Quotas) validate(at Place, found *faults) {
	if q != nil {
		validateQuantities(at, map[string]int{"keys": q.Keys, "aliases": q.Aliases}, found)
	}
}

// WithDefaults returns q with a default for each quota that is 0. It may be called on nil.
func (q *Quotas) WithDefaults() Quotas {
	var full Quotas
	if q != nil {
		full = *q
	}
	full.Keys = orDefault(full.Keys, DefaultKeyQuota)
	full.Aliases = orDefault(full.Aliases, DefaultAliasQuota)
	return full
}

// RateLimits bound the requests of an account in a region, by class, in requests a second, with a burst of the same
// size. 0 means the default, the real service's, and [Unlimited] no bound.
type RateLimits struct {
	// Crypto is for Encrypt, Decrypt and GenerateDataKey together; 0 means 1,000.
	Crypto int `hcl:"crypto,optional"`
	// Asymmetric is for AsymmetricSign, AsymmetricVerify, AsymmetricEncrypt and AsymmetricDecrypt together; 0 means 200.
	Asymmetric int `hcl:"asymmetric,optional"`
	// CreateKey is for CreateKey alone; 0 means 10.
	CreateKey int `hcl:"create_key,optional"`
	// Write is for everything else that changes something; 0 means 30.
	Write int `hcl:"write,optional"`
	// Read is for what describes and lists; 0 means 50.
	Read int `hcl:"read,optional"`
	// ListTags is for ListResourceTags and ListTagResources together; 0 means 300.
	ListTags int `hcl:"list_tags,optional"`
	// Instances is for what describes and lists KMS instances; 0 means 1.
	Instances int `hcl:"instances,optional"`
}

// defaultRates are those of the real service.
var defaultRates = map[kmsapi.RateClass]int{
	kmsapi.RateCrypto: 1000, kmsapi.RateCreateKey: 10, kmsapi.RateWrite: 30, kmsapi.RateRead: 50, kmsapi.RateListTags: 300,
	kmsapi.RateInstances: 1, kmsapi.RateAsymmetric: 200,
}

// NoRateLimits returns limits that are none.
func NoRateLimits() *RateLimits {
	return &RateLimits{
		Crypto: Unlimited, CreateKey: Unlimited, Write: Unlimited, Read: Unlimited, ListTags: Unlimited,
		Instances: Unlimited, Asymmetric: Unlimited,
	}
}

// PerSecond returns the rate of every class, defaults included. It may be called on nil.
func (l *RateLimits) PerSecond() map[kmsapi.RateClass]int {
	rates := l.byClass()
	for class, standard := range defaultRates {
		rates[class] = orDefault(rates[class], standard)
	}
	return rates
}

// byClass returns the rate of every class, without defaults.
func (l *RateLimits) byClass() map[kmsapi.RateClass]int {
	if l == nil {
		l = &RateLimits{}
	}
	return map[kmsapi.RateClass]int{
		kmsapi.RateCrypto: l.Crypto, kmsapi.RateCreateKey: l.CreateKey, kmsapi.RateWrite: l.Write,
		kmsapi.RateRead: l.Read, kmsapi.RateListTags: l.ListTags,
		kmsapi.RateInstances: l.Instances, kmsapi.RateAsymmetric: l.Asymmetric,
	}
}

func (l *RateLimits) validate(at Place, found *faults) {
	named := map[string]int{}
	for class, perSecond := range l.byClass() {
		named[string(class)] = perSecond
	}
	validateQuantities(at, named, found)
}

func validateQuantities(at Place, values map[string]int, found *faults) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if value := values[name]; value < Unlimited {
			found.add(at.Field(name), "%d is below -1; give a number, 0 for the default or -1 for no limit", value)
		}
	}
}
