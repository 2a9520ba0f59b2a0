package api

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// roomForKey refuses a CMK beyond the quota. It counts in the transaction that adds the CMK, so the quota holds under
// parallel requests.
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

// roomForSecret is roomForKey for secrets.
func (a *API) roomForSecret(r keyring.Reader) error {
	return checkQuota("secrets", a.quotas.Load().Secrets, r.CountSecrets)
}

// roomForVersion refuses a version beyond the quota of the account and region, which does not count the first version
// of each key. The sweeper calls it too, before it rotates a key.
func (a *API) roomForVersion(r keyring.Reader) error {
	return checkQuota("more key versions than keys", a.quotas.Load().Versions, r.CountAddedVersions)
}

// roomForVersionOf is roomForVersion for a version that a caller asks for: it also applies the quota of versions per
// key.
func (a *API) roomForVersionOf(r keyring.Reader, cmk *keyring.CMK) error {
	quota := a.quotas.Load().KeyVersions
	if quota != config.Unlimited && cmk.CountVersions() >= quota {
		return limitExceeded("A key may have %d versions.", quota)
	}
	return a.roomForVersion(r)
}

func checkQuota(what string, quota int, count func() (int, error)) error {
	if quota == config.Unlimited {
		return nil
	}
	have, err := count()
	if err != nil || have < quota {
		return err
	}
	return limitExceeded("This account may have %d %s in a region.", quota, what)
}

// limitExceeded returns [kmsapi.ErrLimitExceeded] with a sentence about the limit.
func limitExceeded(format string, args ...any) error {
	return kmsapi.ErrLimitExceeded.WithMessage(kmsapi.ErrLimitExceeded.Message + " " + fmt.Sprintf(format, args...))
}
