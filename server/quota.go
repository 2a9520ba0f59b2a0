package server

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Quotas bound what an account may have in a region. 0 means the default, the real service's, and -1 no limit.
type Quotas struct {
	// Keys counts CMKs in every state, also those whose deletion is planned; 0 means 200.
	Keys int `hcl:"keys,optional"`
	// Aliases: 0 means 300.
	Aliases int `hcl:"aliases,optional"`
}

// The defaults of [Quotas].
const (
	DefaultKeyQuota   = 200
	DefaultAliasQuota = 300
)

func (q *Quotas) validate() error {
	if q == nil {
		return nil
	}
	return validateQuantities("quotas", map[string]int{"keys": q.Keys, "aliases": q.Aliases})
}

// withDefaults may be called on nil.
func (q *Quotas) withDefaults() Quotas {
	var full Quotas
	if q != nil {
		full = *q
	}
	full.Keys = orDefault(full.Keys, DefaultKeyQuota)
	full.Aliases = orDefault(full.Aliases, DefaultAliasQuota)
	return full
}

// roomForKey refuses one more CMK than the quota. It counts in the transaction that adds the CMK, so that the quota holds
// under parallel requests.
func (s *Service) roomForKey(r keyring.Reader) error {
	return checkQuota("CMKs", s.quotas.Keys, r.CountCMKs)
}

// roomForAlias is roomForKey for aliases.
func (s *Service) roomForAlias(r keyring.Reader) error {
	return checkQuota("aliases", s.quotas.Aliases, r.CountAliases)
}

func checkQuota(what string, quota int, count func() (int, error)) error {
	if quota == unlimited {
		return nil
	}
	have, err := count()
	if err != nil || have < quota {
		return err
	}
	return kmsapi.ErrLimitExceeded.WithMessage(fmt.Sprintf(
		"%s This account may have %d %s in a region.", kmsapi.ErrLimitExceeded.Message, quota, what))
}
