package server

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
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
func (s *Service) roomForKey(r store.Reader, c *call) error {
	if s.quotas.Keys == unlimited {
		return nil
	}
	have, err := cmkList(c.Scope).Len(r)
	if err != nil {
		return err
	}
	gone, err := goneCMKs(r, c.Scope, c.now)
	if err != nil {
		return err
	}
	return checkQuota("CMKs", have-len(gone), s.quotas.Keys)
}

// roomForAlias is roomForKey for aliases.
func (s *Service) roomForAlias(r store.Reader, c *call) error {
	if s.quotas.Aliases == unlimited {
		return nil
	}
	have, err := aliasList(c.Scope).Len(r)
	if err != nil {
		return err
	}
	gone, err := goneAliases(r, c.Scope, c.now)
	if err != nil {
		return err
	}
	return checkQuota("aliases", have-len(gone), s.quotas.Aliases)
}

func checkQuota(what string, have, quota int) error {
	if have < quota {
		return nil
	}
	return kmsapi.ErrLimitExceeded.WithMessage(fmt.Sprintf(
		"%s This account may have %d %s in a region.", kmsapi.ErrLimitExceeded.Message, quota, what))
}
