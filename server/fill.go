package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
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
	scope, now := keyring.Scope{Account: c.Accounts[0].ID, Region: s.defaultRegion}, s.clock()
	for made := 0; made < n; made += fillAtOnce {
		err := s.keys.Update(ctx, scope, now, func(w keyring.Writer) error {
			for i := made; i < min(made+fillAtOnce, n); i++ {
				if err := s.fill(w, scope, now, i); err != nil {
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

func (s *Service) fill(w keyring.Writer, scope keyring.Scope, now time.Time, i int) error {
	cmk, err := s.keys.NewCMK(scope, now, keyring.Attributes{Origin: kmsapi.OriginKMS, ProtectionLevel: kmsapi.ProtectionSoftware})
	if err != nil {
		return err
	}
	if err := w.AddCMK(cmk); err != nil {
		return err
	}
	name := fmt.Sprintf("%sfilled/%07d", kmsapi.AliasPrefix, i)
	return w.PutAlias(keyring.Alias{Name: name, KeyID: cmk.KeyID, CreationDate: now})
}
