package api

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// createAlias gives a CMK an alias (§4.14).
func (a *API) createAlias(
	ctx context.Context, inv *Invocation, r *kmsapi.CreateAliasRequest,
) (*kmsapi.CreateAliasResponse, error) {
	return &kmsapi.CreateAliasResponse{}, a.update(ctx, inv, func(w keyring.Writer) error {
		if _, err := byID(r.KeyId).forUse(w.Reader, inv); err != nil {
			return err
		}
		switch _, _, err := w.Alias(r.AliasName); {
		case err == nil:
			return kmsapi.ErrAliasAlreadyExists
		case !errors.Is(err, kmsapi.ErrAliasNotFound):
			return err
		}
		if err := a.roomForAlias(w.Reader); err != nil {
			return err
		}
		return w.PutAlias(keyring.Alias{Name: r.AliasName, KeyID: r.KeyId, CreationDate: inv.Now})
	})
}

// updateAlias moves an alias to another CMK (§4.15). The state of the CMK that it is taken from does not matter.
func (a *API) updateAlias(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateAliasRequest,
) (*kmsapi.UpdateAliasResponse, error) {
	return &kmsapi.UpdateAliasResponse{}, a.update(ctx, inv, func(w keyring.Writer) error {
		if _, err := byID(r.KeyId).forUse(w.Reader, inv); err != nil {
			return err
		}
		// A caller that takes an alias from a CMK needs permission on that CMK too.
		alias, _, err := inv.alias(w.Reader, r.AliasName)
		if err != nil {
			return err
		}
		alias.KeyID = r.KeyId
		return w.PutAlias(alias)
	})
}

// deleteAlias removes an alias, but not its CMK (§4.16).
func (a *API) deleteAlias(
	ctx context.Context, inv *Invocation, r *kmsapi.DeleteAliasRequest,
) (*kmsapi.DeleteAliasResponse, error) {
	return &kmsapi.DeleteAliasResponse{}, a.update(ctx, inv, func(w keyring.Writer) error {
		cmk, err := byAlias(r.AliasName).forUse(w.Reader, inv)
		if err != nil {
			return err
		}
		return w.DeleteAlias(keyring.Alias{Name: r.AliasName, KeyID: cmk.KeyID})
	})
}

// listAliases returns a page of the aliases of the account and region, in the order of their names (§4.17).
func (a *API) listAliases(
	ctx context.Context, inv *Invocation, r *kmsapi.ListAliasesRequest,
) (resp *kmsapi.ListAliasesResponse, err error) {
	err = a.view(ctx, inv, func(reader keyring.Reader) error {
		page, err := reader.Aliases(r.PageNumber, r.PageSize)
		resp = aliasPage(inv, page, r.PageNumber, r.PageSize)
		return err
	})
	return resp, err
}

// listAliasesByKeyId returns a page of a CMK's aliases, in the order of their names (§4.18).
func (a *API) listAliasesByKeyId(
	ctx context.Context, inv *Invocation, r *kmsapi.ListAliasesByKeyIdRequest,
) (*kmsapi.ListAliasesByKeyIdResponse, error) {
	resp := &kmsapi.ListAliasesByKeyIdResponse{}
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		cmk, err := byID(r.KeyId).forUse(reader, inv)
		if err != nil {
			return err
		}
		page, err := reader.AliasesOf(cmk.KeyID, r.PageNumber, r.PageSize)
		resp.ListAliasesResponse = *aliasPage(inv, page, r.PageNumber, r.PageSize)
		return err
	})
}

func aliasPage(inv *Invocation, page keyring.Page[keyring.Alias], number, size int) *kmsapi.ListAliasesResponse {
	entries := make([]kmsapi.AliasEntry, len(page.Items))
	for i, alias := range page.Items {
		entries[i] = kmsapi.AliasEntry{AliasName: alias.Name, KeyId: alias.KeyID, AliasArn: inv.arn(alias.Name)}
	}
	return &kmsapi.ListAliasesResponse{
		Aliases: kmsapi.AliasList{Alias: entries}, PageNumber: number, PageSize: size, TotalCount: page.Total,
	}
}
