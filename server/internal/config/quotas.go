package config

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Unlimited as a quota or rate limit means that there is none.
const Unlimited = -1

// Quotas bound what an account may have in a region. 0 means the default, which is the real service's, and [Unlimited]
// no bound.
type Quotas struct {
	// Keys counts CMKs in every state, including those whose deletion is scheduled; 0 means 200.
	Keys int `hcl:"keys,optional"`
	// Aliases counts aliases; 0 means 300.
	Aliases int `hcl:"aliases,optional"`
	// KeyVersions bounds the versions of a key when a caller asks for one more; 0 means 50. Automatic rotation is not
	// bound by it.
	KeyVersions int `hcl:"key_versions,optional"`
	// Versions counts the versions of all keys, except for the first of each, and including those of automatic
	// rotation; 0 means 10,000.
	Versions int `hcl:"versions,optional"`
	// Secrets counts secrets, including those whose deletion is scheduled; 0 means 200.
	Secrets int `hcl:"secrets,optional"`
}

// The defaults of [Quotas].
const (
	DefaultKeyQuota        = 200
	DefaultAliasQuota      = 300
	DefaultKeyVersionQuota = 50
	DefaultVersionQuota    = 10_000
	DefaultSecretQuota     = 200
)

func (q *Quotas) validate(at Place, found *faults) {
	if q != nil {
		validateQuantities(at, map[string]int{
			"keys": q.Keys, "aliases": q.Aliases, "key_versions": q.KeyVersions, "versions": q.Versions,
			"secrets": q.Secrets,
		}, found)
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
	full.KeyVersions = orDefault(full.KeyVersions, DefaultKeyVersionQuota)
	full.Versions = orDefault(full.Versions, DefaultVersionQuota)
	full.Secrets = orDefault(full.Secrets, DefaultSecretQuota)
	return full
}

// RateLimits bound the requests of an account in a region, by class, in requests a second, with a burst of the same
// size. 0 means the default, which is the real service's, and [Unlimited] no bound.
type RateLimits struct {
	// Crypto is for all operations that encrypt or decrypt with one symmetric key; 0 means 1,000.
	Crypto int `hcl:"crypto,optional"`
	// ReEncrypt is only for ReEncrypt; 0 means 750.
	ReEncrypt int `hcl:"re_encrypt,optional"`
	// Asymmetric is for AsymmetricSign, AsymmetricVerify, AsymmetricEncrypt and AsymmetricDecrypt together; 0 means
	// 200.
	Asymmetric int `hcl:"asymmetric,optional"`
	// CreateKey is only for CreateKey; 0 means 10.
	CreateKey int `hcl:"create_key,optional"`
	// Write is for all other operations that change something; 0 means 30.
	Write int `hcl:"write,optional"`
	// Read is for operations that describe and list; 0 means 50.
	Read int `hcl:"read,optional"`
	// ListTags is for ListResourceTags and ListTagResources together; 0 means 300.
	ListTags int `hcl:"list_tags,optional"`
	// Instances is for operations that describe and list KMS instances; 0 means 1.
	Instances int `hcl:"instances,optional"`
	// SecretValues is only for GetSecretValue; 0 means 450.
	SecretValues int `hcl:"secret_values,optional"`
	// SecretWrite is for all operations that change secrets; 0 means 10.
	SecretWrite int `hcl:"secret_write,optional"`
	// SecretRead is for operations that describe and list secrets, and for GetRandomPassword; 0 means 40.
	SecretRead int `hcl:"secret_read,optional"`
}

// defaultRates are the rate limits of the real service.
var defaultRates = map[kmsapi.RateClass]int{
	kmsapi.RateCrypto: 1000, kmsapi.RateCreateKey: 10, kmsapi.RateWrite: 30, kmsapi.RateRead: 50, kmsapi.RateListTags: 300,
	kmsapi.RateInstances: 1, kmsapi.RateAsymmetric: 200, kmsapi.RateReEncrypt: 750,
	kmsapi.RateSecretValue: 450, kmsapi.RateSecretWrite: 10, kmsapi.RateSecretRead: 40,
}

// NoRateLimits returns limits that are all [Unlimited].
func NoRateLimits() *RateLimits {
	return &RateLimits{
		Crypto: Unlimited, CreateKey: Unlimited, Write: Unlimited, Read: Unlimited, ListTags: Unlimited,
		Instances: Unlimited, Asymmetric: Unlimited, ReEncrypt: Unlimited,
		SecretValues: Unlimited, SecretWrite: Unlimited, SecretRead: Unlimited,
	}
}

// PerSecond returns the rate of every class, with defaults filled in. It may be called on nil.
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
		kmsapi.RateInstances: l.Instances, kmsapi.RateAsymmetric: l.Asymmetric, kmsapi.RateReEncrypt: l.ReEncrypt,
		kmsapi.RateSecretValue: l.SecretValues, kmsapi.RateSecretWrite: l.SecretWrite, kmsapi.RateSecretRead: l.SecretRead,
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
