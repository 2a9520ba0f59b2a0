package api

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// roomForKey refuses one more CMK than the quota. It counts in the transaction that adds the CMK, so that the quota
// holds under parallel requests.
func (a *API) roomForKey(r keyring.Reader) error {
	return checkQuota("keys", a.quotas.Load().Keys, r.CountCMKs)
}

// roomForDefault refuses a second default CMK.
func roomForDefault(r keyring.Reader, cmk *keyring.CMK) error {
	if !cmk.Default {
		return nil
	}
	exists, err := r.HasDefaultCMK()
	if err == nil && exists {
		err = kmsapi.ErrLimitExceeded.WithMessage(
			kmsapi.ErrLimitExceeded.Message + " The account has its one default key. Give DKMSInstanceId for another key.")
	}
	return err
}

// roomForAlias is roomForKey for aliases.
func (a *API) roomForAlias(r keyring.Reader) error {
	return checkQuota("aliases", a.quotas.Load().Aliases, r.CountAliases)
}

func checkQuota(what string, quota int, count func() (int, error)) error {
	if quota == config.Unlimited {
		return nil
	}
	have, err := count()
	if err != nil || have < quota {
		return err
	}
	return kmsapi.ErrLimitExceeded.WithMessage(fmt.Sprintf(
		"%s This account may have %d %s in a region.", kmsapi.ErrLimitExceeded.Message, quota, what))
}
