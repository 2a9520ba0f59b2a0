package api

import (
	"context"
	"errors"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// A finder reads the CMK that a request names. Which finder an operation uses decides whether it accepts an alias or a
// ciphertext. It runs in the operation's own transaction, so the name still refers to the CMK.
type finder func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error)

// byID is for operations that take a CMK's id but no alias.
func byID(keyID string) finder {
	return func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
		if isAlias(keyID) {
			return nil, kmsapi.ErrUnsupportedAlias
		}
		return inv.cmk(r, keyID)
	}
}

// byAlias is for an alias.
func byAlias(name string) finder {
	return func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
		_, cmk, err := inv.alias(r, name)
		if err != nil {
			return nil, err
		}
		inv.note(cmk)
		return cmk, nil
	}
}

// byIDOrAlias is for operations that take either.
func byIDOrAlias(keyID string) finder {
	if isAlias(keyID) {
		return byAlias(keyID)
	}
	return byID(keyID)
}

// byVersion is for a ciphertext, which names a version of its CMK.
func byVersion(versionID string) finder {
	return func(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
		keyID, err := r.OwnerOf(versionID)
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			return nil, inv.notFound(err)
		}
		if err != nil {
			return nil, err
		}
		return inv.cmk(r, keyID)
	}
}

func isAlias(keyID string) bool { return strings.HasPrefix(keyID, kmsapi.AliasPrefix) }

// forUse finds the CMK, and checks that the operation is allowed in its state and works with a key of its kind.
func (find finder) forUse(r keyring.Reader, inv *Invocation) (*keyring.CMK, error) {
	cmk, err := find(r, inv)
	if err != nil {
		return nil, err
	}
	if err := cmk.Allows(inv.Operation, inv.Now); err != nil {
		return nil, err
	}
	return cmk, inv.checkKind(cmk)
}

// cmk reads the CMK called keyID, if the caller has permission on it.
func (inv *Invocation) cmk(r keyring.Reader, keyID string) (*keyring.CMK, error) {
	if err := inv.permitKey(keyID); err != nil {
		return nil, err
	}
	cmk, err := r.CMK(keyID)
	if err != nil {
		return nil, err
	}
	inv.note(cmk)
	return cmk, nil
}

// note records a CMK for the audit line.
func (inv *Invocation) note(cmk *keyring.CMK) { inv.KeyID, inv.InstanceID = cmk.KeyID, cmk.InstanceID }

// alias reads the alias called name and its CMK, if the caller has permission on the CMK.
func (inv *Invocation) alias(r keyring.Reader, name string) (keyring.Alias, *keyring.CMK, error) {
	alias, cmk, err := r.Alias(name)
	if errors.Is(err, kmsapi.ErrAliasNotFound) {
		return alias, nil, inv.notFound(err)
	}
	if err != nil {
		return alias, nil, err
	}
	return alias, cmk, inv.permitKey(cmk.KeyID)
}

// findForUse is [finder.forUse] in a transaction of its own.
func (a *API) findForUse(ctx context.Context, inv *Invocation, find finder) (cmk *keyring.CMK, err error) {
	err = a.view(ctx, inv, func(r keyring.Reader) error {
		cmk, err = a.served(find).forUse(r, inv)
		return err
	})
	return cmk, err
}

// findVersion finds a version that a ciphertext names, with its CMK, in whose state the operation must be allowed.
func (a *API) findVersion(
	ctx context.Context, inv *Invocation, versionID string,
) (cmk *keyring.CMK, version keyring.Version, err error) {
	err = a.view(ctx, inv, func(r keyring.Reader) error {
		if cmk, err = a.served(byVersion(versionID)).forUse(r, inv); err != nil {
			return err
		}
		version, err = r.Version(cmk, versionID)
		return err
	})
	return cmk, version, err
}

// changeCMK reads a CMK, applies change and stores the CMK, in one transaction.
func (a *API) changeCMK(ctx context.Context, inv *Invocation, keyID string, change func(*keyring.CMK) error) error {
	return a.update(ctx, inv, func(w keyring.Writer) error {
		cmk, err := byID(keyID)(w.Reader, inv)
		if err != nil {
			return err
		}
		if err := change(cmk); err != nil {
			return err
		}
		return w.PutCMK(cmk)
	})
}

// view runs read on a snapshot of the caller's account and region.
func (a *API) view(ctx context.Context, inv *Invocation, read func(keyring.Reader) error) error {
	return a.keys.View(ctx, inv.scope(), inv.Now, read)
}

// update runs change on the caller's account and region, in one transaction.
func (a *API) update(ctx context.Context, inv *Invocation, change func(keyring.Writer) error) error {
	return a.keys.Update(ctx, inv.scope(), inv.Now, change)
}
