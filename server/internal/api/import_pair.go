package api

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// failedPairAfter is when a failed import of a key pair is answered. The encryption of a private key is not
// authenticated, so the time of a failure would reveal how far a manipulated ciphertext was decrypted. A failure takes
// far less than this, so the time of the answer reveals nothing.
const failedPairAfter = 250 * time.Millisecond

// importPair gives an asymmetric CMK its key pair, which must be the same as before if it ever had any.
func (a *API) importPair(
	ctx context.Context, inv *Invocation, token wrapping.Token, spec, text string, expires time.Time,
) error {
	started := time.Now()
	err := a.importUnwrapped(ctx, inv, token, spec, text, expires)
	if errors.Is(err, kmsapi.ErrInvalidKeyMaterial) {
		time.Sleep(failedPairAfter - time.Since(started))
	}
	return err
}

func (a *API) importUnwrapped(
	ctx context.Context, inv *Invocation, token wrapping.Token, spec, text string, expires time.Time,
) error {
	pair, err := unwrapPair(token, spec, text)
	if err != nil {
		return err
	}
	defer pair.Clear()
	return a.changeCMK(ctx, inv, token.KeyID, func(cmk *keyring.CMK) error {
		after, err := cmk.Lifecycle.Import(inv.Now, expires)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return a.keys.SetPair(inv.scope(), cmk, pair)
	})
}

// unwrapPair decrypts a private key, base64 with or without line breaks, and checks it. The caller clears it.
func unwrapPair(token wrapping.Token, spec, text string) (*asymmetric.Key, error) {
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		ciphertext = nil
	}
	pkcs8, intact := token.Key.UnwrapPrivateKey(ciphertext)
	defer clear(pkcs8)
	pair, err := asymmetric.Parse(spec, pkcs8)
	if err != nil || !intact {
		return nil, kmsapi.ErrInvalidKeyMaterial
	}
	return pair, nil
}
