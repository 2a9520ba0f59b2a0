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
	// Make makes a key pair that no other caller gets. The caller clears it. The wait for it ends with ctx.
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
	return spec, usage, a.checkServed(spec)
}

// newPair makes the key pair for a version of an asymmetric CMK, and returns nil for any other CMK. It may take
// seconds, so it must not be called in a transaction, and it first calls room to see whether there is room for the
// version. The transaction that stores the version checks that again.
func (a *API) newPair(
	ctx context.Context, inv *Invocation, spec string, room func(keyring.Reader) error,
) (*asymmetric.Key, error) {
	if !kmsapi.IsAsymmetric(spec) {
		return nil, nil
	}
	if err := a.view(ctx, inv, room); err != nil {
		return nil, err
	}
	pair, err := a.keyPairs.Make(ctx, inv.Account, spec)
	if errors.Is(err, fair.ErrTooManyWaiting) {
		return nil, kmsapi.ErrThrottling // Nothing has been made.
	}
	return pair, err
}

// newVersion makes a version of a CMK, with new material. Like newPair, it must not be called in a transaction.
func (a *API) newVersion(ctx context.Context, inv *Invocation, cmk *keyring.CMK) (keyring.Version, error) {
	pair, err := a.newPair(ctx, inv, cmk.KeySpec, func(r keyring.Reader) error { return a.roomForVersionOf(r, cmk) })
	if err != nil {
		return keyring.Version{}, err
	}
	if pair == nil {
		return a.keys.NewVersion(inv.scope(), inv.Now, cmk)
	}
	defer pair.Clear()
	return a.keys.NewPairVersion(inv.scope(), inv.Now, cmk.KeyID, pair)
}

// checkKind refuses a CMK of a kind that the operation does not work with.
func (inv *Invocation) checkKind(cmk *keyring.CMK) error { return mustBe(inv.Operation.Uses(), cmk) }

// mustBe refuses a CMK that is not of the kind.
func mustBe(kind kmsapi.KeyKind, cmk *keyring.CMK) error {
	if kind.Has(cmk.KeySpec, cmk.KeyUsage) {
		return nil
	}
	return kmsapi.ErrUnsupportedOperation.WithMessage("This action is not supported for the key's KeySpec or KeyUsage.")
}
