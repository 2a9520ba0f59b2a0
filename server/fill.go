package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// fillAtOnce is how many CMKs share a transaction.
const fillAtOnce = 2000

// Fill makes n CMKs in the store of c, each with an alias, as CreateKey and CreateAlias would, but many in one commit: it is
// for tests and benchmarks of a service that has many. They belong to the first account and the default region. No
// service may run on the store.
func Fill(ctx context.Context, c Config, n int) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	s, err := openService(ctx, c, Options{}.withDefaults())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	by := &call{ctx: ctx, Scope: Scope{c.Accounts[0].ID, s.defaultRegion}, now: s.clock()}
	for made := 0; made < n; made += fillAtOnce {
		err := s.store.Update(ctx, func(w store.Writer) error {
			for i := made; i < min(made+fillAtOnce, n); i++ {
				if err := s.fill(w, by, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) fill(w store.Writer, c *call, i int) error {
	record, err := s.newCMK(c, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginKMS, ProtectionLevel: kmsapi.ProtectionSoftware})
	if err != nil {
		return err
	}
	if err := addCMK(w, c.Scope, record); err != nil {
		return err
	}
	return putAlias(w, c.Scope, fmt.Sprintf("%sfilled/%07d", kmsapi.AliasPrefix, i), aliasRecord{KeyID: record.KeyID, CreationDate: c.now})
}
