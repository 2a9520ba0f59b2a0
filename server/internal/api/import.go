package api

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

const (
	// tokenLife is how long an import token is valid (§4.2).
	tokenLife = 24 * time.Hour
	// lastExpiry is the end of the year 9999, the last that a date in the API can have.
	lastExpiry = 253402300799
)

// getParametersForImport returns a wrapping key and the token that goes with it (§4.2).
func (a *API) getParametersForImport(
	ctx context.Context, inv *Invocation, r *kmsapi.GetParametersForImportRequest,
) (*kmsapi.GetParametersForImportResponse, error) {
	cmk, err := a.findForUse(ctx, inv, byID(r.KeyId))
	if err != nil {
		return nil, err
	}
	if err := a.checkApproved(r.WrappingAlgorithm); err != nil {
		return nil, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, a.keyWait)
	defer cancel()
	key, err := a.wrappingKeys.Get(waitCtx, inv.Account)
	if errors.Is(err, wrapping.ErrTooManyWaiting) {
		return nil, kmsapi.ErrThrottling
	}
	if err != nil {
		return nil, err
	}
	defer key.Clear()
	public, err := key.PublicDER()
	if err != nil {
		return nil, err
	}
	token := wrapping.Token{
		KeyID: cmk.KeyID, Algorithm: r.WrappingAlgorithm, Expires: inv.Now.Add(tokenLife).Truncate(time.Second), Key: key,
	}
	sealed, err := a.sealToken(inv.scope(), token)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GetParametersForImportResponse{
		KeyId:           cmk.KeyID,
		ImportToken:     base64.StdEncoding.EncodeToString(sealed),
		PublicKey:       base64.StdEncoding.EncodeToString(public),
		TokenExpireTime: wireTime(token.Expires),
	}, nil
}

func (a *API) sealToken(scope keyring.Scope, token wrapping.Token) ([]byte, error) {
	encoded, err := token.Marshal()
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	return a.keys.SealToken(scope, encoded)
}

// importKeyMaterial gives a CMK its key material, which must be the same as before if it ever had any (§4.3).
func (a *API) importKeyMaterial(
	ctx context.Context, inv *Invocation, r *kmsapi.ImportKeyMaterialRequest,
) (*kmsapi.ImportKeyMaterialResponse, error) {
	expires, err := materialExpiry(r.KeyMaterialExpireUnix, inv.Now)
	if err != nil {
		return nil, err
	}
	// Without KeyId only the token names the CMK, and the import checks its state.
	if r.KeyId != "" {
		if _, err := a.findForUse(ctx, inv, byID(r.KeyId)); err != nil {
			return nil, err
		}
	}
	token, err := a.openToken(inv, r.ImportToken)
	if err != nil {
		return nil, err
	}
	defer token.Key.Clear()
	if r.KeyId != "" && r.KeyId != token.KeyID {
		return nil, kmsapi.ErrInvalidImportToken
	}
	if err := a.checkApproved(token.Algorithm); err != nil { // The token may be from before.
		return nil, err
	}
	material, intact, err := unwrap(token, r.EncryptedKeyMaterial)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	return &kmsapi.ImportKeyMaterialResponse{}, a.changeCMK(ctx, inv, token.KeyID, func(cmk *keyring.CMK) error {
		after, err := cmk.Lifecycle.Import(inv.Now, expires)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return a.keys.SetMaterial(inv.scope(), cmk, material, intact)
	})
}

// materialExpiry is the time that KeyMaterialExpireUnix gives, or zero for never. The current second is not too early
// (§4.3), although material that expires in it is gone at once.
func materialExpiry(unix int, now time.Time) (time.Time, error) {
	switch at := int64(unix); {
	case at == 0:
		return time.Time{}, nil
	case at < now.Unix():
		return time.Time{}, kmsapi.InvalidParameter("KeyMaterialExpireUnix",
			"It must not lie in the past. It is in seconds since 1970.")
	case at > lastExpiry:
		return time.Time{}, kmsapi.InvalidParameter("KeyMaterialExpireUnix",
			"It must lie before the year 10000. It is in seconds since 1970.")
	default:
		return time.Unix(at, 0).UTC(), nil
	}
}

// openToken opens an import token, which must be of this account and region. The caller clears its key.
func (a *API) openToken(inv *Invocation, text string) (wrapping.Token, error) {
	sealed, err := decodeBlob(text)
	if err != nil {
		return wrapping.Token{}, kmsapi.ErrInvalidImportToken
	}
	encoded, err := a.keys.OpenToken(inv.scope(), sealed)
	if errors.Is(err, crypt.ErrOpen) {
		return wrapping.Token{}, kmsapi.ErrInvalidImportToken
	}
	if err != nil {
		return wrapping.Token{}, err
	}
	defer clear(encoded)
	token, err := wrapping.ParseToken(encoded)
	if err != nil {
		return wrapping.Token{}, kmsapi.ErrInvalidImportToken
	}
	if token.Expired(inv.Now) {
		token.Key.Clear()
		return wrapping.Token{}, kmsapi.ErrExpiredImportToken
	}
	return token, nil
}

// unwrap decrypts key material, base64 with or without line breaks. If it is not intact, for whatever reason, the
// material is random: see [wrapping.Key.Unwrap]. The caller clears it.
func unwrap(token wrapping.Token, text string) (material *crypt.Material, intact bool, err error) {
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		ciphertext = nil
	}
	secret, intact := token.Key.Unwrap(token.Algorithm, ciphertext, kmsapi.KeyMaterialSize)
	defer clear(secret)
	material, err = crypt.MaterialFromBytes(secret)
	return material, intact, err
}
