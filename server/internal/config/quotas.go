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
	// KeyVersions bounds the versions that a key has, where a caller asks for one more; 0 means 50. Automatic rotation
	// goes on.
	KeyVersions int `hcl:"key_versions,optional"`
	// Versions counts the versions that all keys have beside their first one, automatic rotation included; 0 means
	// 10,000.
	Versions int `hcl:"versions,optional"`
	// Secrets counts secrets, also those whose deletion is planned; 0 means 200.
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
// size. 0 means the default, the real service's, and [Unlimited] no bound.
type RateLimits struct {
	// Crypto is for everything that encrypts and decrypts with one symmetric key; 0 means 1,000.
	Crypto int `hcl:"crypto,optional"`
	// ReEncrypt is for ReEncrypt alone; 0 means 750.
	ReEncrypt int `hcl:"re_encrypt,optional"`
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
	// SecretValues is for GetSecretValue alone; 0 means 450.
	SecretValues int `hcl:"secret_values,optional"`
	// SecretWrite is for everything that changes secrets; 0 means 10.
	SecretWrite int `hcl:"secret_write,optional"`
	// SecretRead is for what describes and lists secrets, and for GetRandomPassword; 0 means 40.
	SecretRead int `hcl:"secret_read,optional"`
}

// defaultRates are those of the real service.
var defaultRates = map[kmsapi.RateClass]int{
	kmsapi.RateCrypto: 1000, kmsapi.RateCreateKey: 10, kmsapi.RateWrite: 30, kmsapi.RateRead: 50, kmsapi.RateListTags: 300,
	kmsapi.RateInstances: 1, kmsapi.RateAsymmetric: 200, kmsapi.RateReEncrypt: 750,
	kmsapi.RateSecretValue: 450, kmsapi.RateSecretWrite: 10, kmsapi.RateSecretRead: 40,
}

// NoRateLimits returns limits that are none.
func NoRateLimits() *RateLimits {
	return &RateLimits{
		Crypto: Unlimited, CreateKey: Unlimited, Write: Unlimited, Read: Unlimited, ListTags: Unlimited,
		Instances: Unlimited, Asymmetric: Unlimited, ReEncrypt: Unlimited,
		SecretValues: Unlimited, SecretWrite: Unlimited, SecretRead: Unlimited,
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
