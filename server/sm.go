package server

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

// checkSM returns an error if c needs the SM algorithms and the program was built without them.
func checkSM(c Config) error { return smFault(c, asymmetric.Has(kmsapi.KeySpecSM2)) }

func smFault(c Config, linked bool) error {
	if linked || !c.SM {
		return nil
	}
	return c.Place().Field("sm").Fault(errors.New(
		"this program has no SM algorithms: alicloudkms has, and a program of your own imports package server/sm"))
}

// warnOfSM warns if SM is off and there are keys that need it, once in the life of a service. Counting them reads all
// CMKs, so nothing waits for it.
func (s *service) warnOfSM(ctx context.Context) {
	if s.sm || s.countedSM.Swap(true) {
		return
	}
	n, err := s.keys.CountSpecs(ctx, kmsapi.NeedsSM)
	switch {
	case err != nil && ctx.Err() == nil:
		s.log.Error("the keys that need sm = true could not be counted", "error", err)
	case n > 0:
		s.log.Warn("keys can't be used, because the configuration does not say sm = true", "keys", n)
	}
}
