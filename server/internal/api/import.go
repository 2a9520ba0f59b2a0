package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

const (
	// tokenLife is how long an import token is valid (§4.2).
	tokenLife = 24 * time.Hour
	// lastExpiry is the end of the year 9999, the last year that a date in the API can have.
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
	if err := a.checkParameters(cmk, r); err != nil {
		return nil, err
	}
	key, err := a.wrappingKey(ctx, inv, r.WrappingKeySpec)
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

// checkParameters refuses wrapping parameters that the key material of a CMK can't be imported with.
func (a *API) checkParameters(cmk *keyring.CMK, r *kmsapi.GetParametersForImportRequest) error {
	if err := a.checkServed(cmk.KeySpec); err != nil {
		return err
	}
	all := kmsapi.WrappingAlgorithms(cmk.KeySpec)
	if !slices.Contains(all, r.WrappingAlgorithm) {
		return kmsapi.InvalidParameter("WrappingAlgorithm", fmt.Sprintf(
			"For a key of KeySpec %s it must be %s.", cmk.KeySpec, strings.Join(all, " or ")))
	}
	if want := kmsapi.WrappingKeySpec(r.WrappingAlgorithm); r.WrappingKeySpec != want {
		return kmsapi.InvalidParameter("WrappingKeySpec", fmt.Sprintf(
			"With WrappingAlgorithm %s it must be %s.", r.WrappingAlgorithm, want))
	}
	return a.checkWrap(r.WrappingAlgorithm)
}

// wrappingKey returns a wrapping key that no other caller gets. The caller clears it. RSA keys are slow to make, so
// there is a pool of them.
func (a *API) wrappingKey(ctx context.Context, inv *Invocation, spec string) (*wrapping.Key, error) {
	if spec != kmsapi.WrappingKeySpecRSA2048 {
		return wrapping.Generate(spec)
	}
	waitCtx, cancel := context.WithTimeout(ctx, a.keyWait)
	defer cancel()
	key, err := a.wrappingKeys.Get(waitCtx, inv.Account)
	if errors.Is(err, wrapping.ErrTooManyWaiting) {
		err = kmsapi.ErrThrottling
	}
	return key, err
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
	token, cmk, err := a.importTarget(ctx, inv, r)
	if err != nil {
		return nil, err
	}
	defer token.Key.Clear()
	resp := &kmsapi.ImportKeyMaterialResponse{}
	if kmsapi.IsAsymmetric(cmk.KeySpec) {
		return resp, a.importPair(ctx, inv, token, cmk.KeySpec, r.EncryptedKeyMaterial, expires)
	}
	material, intact, err := unwrap(token, cmk.KeySpec, r.EncryptedKeyMaterial)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	return resp, a.changeCMK(ctx, inv, token.KeyID, func(cmk *keyring.CMK) error {
		after, err := cmk.Lifecycle.Import(inv.Now, expires)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return a.keys.SetMaterial(inv.scope(), cmk, material, intact)
	})
}

// importTarget returns the token of an import, whose key the caller clears, and the CMK that the import is for. If the
// request does not name the CMK, the token does.
func (a *API) importTarget(
	ctx context.Context, inv *Invocation, r *kmsapi.ImportKeyMaterialRequest,
) (token wrapping.Token, cmk *keyring.CMK, err error) {
	if r.KeyId != "" {
		if cmk, err = a.findForUse(ctx, inv, byID(r.KeyId)); err != nil {
			return token, nil, err
		}
	}
	if token, err = a.openToken(inv, r.ImportToken); err != nil {
		if r.KeyId == "" {
			err = inv.badToken(token.KeyID, err)
		}
		return token, nil, err
	}
	if cmk == nil {
		cmk, err = a.findForUse(ctx, inv, byID(token.KeyID))
	}
	switch {
	case err != nil:
	case cmk.KeyID != token.KeyID:
		err = kmsapi.ErrInvalidImportToken
	default:
		err = cmp.Or(a.checkServed(cmk.KeySpec), a.checkWrap(token.Algorithm)) // The configuration may be newer.
	}
	if err != nil {
		token.Key.Clear()
	}
	return token, cmk, err
}

// materialExpiry returns the time that KeyMaterialExpireUnix gives, or zero for never. The current second is accepted
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

// badToken returns the answer to a request that names no CMK and has a token that can't be used. Unless the caller may
// use the CMK that the token names, it must not learn what is wrong with the token.
func (inv *Invocation) badToken(keyID string, err error) error {
	if keyID == "" {
		return inv.notFound(err)
	}
	return cmp.Or(inv.permitKey(keyID), err)
}

// openToken opens an import token, which must be of this account and region. The caller clears its key. An expired
// token is returned with the error, without its key.
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
		return wrapping.Token{KeyID: token.KeyID}, kmsapi.ErrExpiredImportToken
	}
	return token, nil
}

// unwrap decrypts key material, base64 with or without line breaks. If it is not intact, for any reason, the material
// is random: see [wrapping.Key.Unwrap]. The caller clears it.
func unwrap(token wrapping.Token, spec, text string) (material *crypt.Material, intact bool, err error) {
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		ciphertext = nil
	}
	secret, intact := token.Key.Unwrap(token.Algorithm, ciphertext, kmsapi.MaterialSize(spec))
	defer clear(secret)
	material, err = crypt.MaterialFromBytes(spec, secret)
	return material, intact, err
}
