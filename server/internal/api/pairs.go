package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// KeyPairs makes the key pairs of asymmetric CMKs. [asymmetric.Maker] implements it.
type KeyPairs interface {
	// Make makes a key pair that nobody else gets. The caller clears it.
	Make(ctx context.Context, account, spec string) (*asymmetric.Key, error)
}

// keyKind returns the KeySpec and the KeyUsage of a new CMK.
func (a *API) keyKind(r *kmsapi.CreateKeyRequest) (spec, usage string, err error) {
	spec = cmp.Or(r.KeySpec, kmsapi.KeySpecAES256)
	usages := kmsapi.KeyUsages(spec)
	usage = cmp.Or(r.KeyUsage, usages[0])
	if !slices.Contains(usages, usage) {
		return "", "", kmsapi.InvalidParameter("KeyUsage", fmt.Sprintf("A key of KeySpec %s is not for %s.", spec, usage))
	}
	if !kmsapi.ServesKeySpec(spec) {
		return "", "", kmsapi.ErrUnsupportedOperation.WithMessage(fmt.Sprintf(
			"%s This service has no KeySpec %s.", kmsapi.ErrUnsupportedOperation.Message, spec))
	}
	if kmsapi.IsAsymmetric(spec) && r.Origin == kmsapi.OriginExternal {
		return "", "", kmsapi.ErrUnsupportedOperation.WithMessage(
			kmsapi.ErrUnsupportedOperation.Message + " This service imports no key pairs.")
	}
	return spec, usage, a.checkApproved(spec)
}

// newPair makes the key pair of a version of an asymmetric CMK, and returns nil for any other. It may take seconds, so
// it must not be called in a transaction.
func (a *API) newPair(ctx context.Context, inv *Invocation, spec string) (*asymmetric.Key, error) {
	if !kmsapi.IsAsymmetric(spec) {
		return nil, nil
	}
	waitCtx, cancel := context.WithTimeout(ctx, a.keyWait)
	defer cancel()
	pair, err := a.keyPairs.Make(waitCtx, inv.Account, spec)
	if errors.Is(err, fair.ErrTooManyWaiting) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, kmsapi.ErrThrottling // Nothing has been made.
	}
	return pair, err
}

// newVersion makes a version of a CMK with new material. Like newPair, it must not be called in a transaction.
func (a *API) newVersion(ctx context.Context, inv *Invocation, cmk *keyring.CMK) (keyring.Version, error) {
	pair, err := a.newPair(ctx, inv, cmk.KeySpec)
	if err != nil {
		return keyring.Version{}, err
	}
	if pair == nil {
		return a.keys.NewVersion(inv.scope(), inv.Now, cmk.KeyID)
	}
	defer pair.Clear()
	return a.keys.NewPairVersion(inv.scope(), inv.Now, cmk.KeyID, pair)
}

// checkKind refuses a CMK of another kind than the operation works with.
func (inv *Invocation) checkKind(cmk *keyring.CMK) error {
	if inv.Operation.Uses().Has(cmk.KeySpec, cmk.KeyUsage) {
		return nil
	}
	return kmsapi.ErrUnsupportedOperation.WithMessage("This action is not supported for the key's KeySpec or KeyUsage.")
}

// versionOf returns the version of a CMK that a request names.
func versionOf(r keyring.Reader, cmk *keyring.CMK, id string) (keyring.Version, error) {
	if id != cmk.Primary.ID {
		owner, err := r.OwnerOf(id)
		if errors.Is(err, kmsapi.ErrKeyNotFound) || err == nil && owner != cmk.KeyID {
			return keyring.Version{}, kmsapi.ErrKeyVersionNotFound
		}
		if err != nil {
			return keyring.Version{}, err
		}
	}
	return r.Version(cmk, id)
}
