package server

import (
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

// checkSM finds out whether the program has the code that c needs.
func checkSM(c Config) error { return smFault(c, asymmetric.Has(kmsapi.KeySpecSM2)) }

func smFault(c Config, linked bool) error {
	if linked || !c.SM {
		return nil
	}
	return c.Place().Field("sm").Fault(errors.New(
		"this program has no SM algorithms: alicloudkms has, and a program of your own imports package server/sm"))
}
