package server

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

const (
	// tokenLife is how long an import token is good (§4.2).
	tokenLife = 24 * time.Hour
	// maxKeyWait ends the wait for a wrapping key while the caller can still be told so.
	maxKeyWait = writeTimeout * 2 / 3
	// lastExpiry is the end of the year 9999, after which a date has no text in the API.
	lastExpiry = 253402300799
)

// getParametersForImport gives a wrapping key and the token that goes with it (§4.2).
func (s *Service) getParametersForImport(c *call, r *kmsapi.GetParametersForImportRequest) (*kmsapi.GetParametersForImportResponse, error) {
	record, err := s.findForUse(c, byID(r.KeyId), kmsapi.OpGetParametersForImport)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, maxKeyWait)
	defer cancel()
	key, err := s.wrappingKeys.Get(ctx)
	if err != nil {
		return nil, err
	}
	defer key.Clear()
	public, err := key.PublicDER()
	if err != nil {
		return nil, err
	}
	token := wrapping.Token{
		KeyID: record.KeyID, Algorithm: r.WrappingAlgorithm, Expires: c.now.Add(tokenLife).Truncate(time.Second), Key: key,
	}
	sealed, err := s.sealToken(c, token)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GetParametersForImportResponse{
		KeyId:           record.KeyID,
		ImportToken:     base64.StdEncoding.EncodeToString(sealed),
		PublicKey:       base64.StdEncoding.EncodeToString(public),
		TokenExpireTime: wireTime(token.Expires),
	}, nil
}

func (s *Service) sealToken(c *call, token wrapping.Token) ([]byte, error) {
	encoded, err := token.Marshal()
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	return s.root.SealToken(scope(c), encoded)
}

// importKeyMaterial gives a CMK its key material, which must be the same as ever if it had any before (§4.3).
func (s *Service) importKeyMaterial(c *call, r *kmsapi.ImportKeyMaterialRequest) (*kmsapi.ImportKeyMaterialResponse, error) {
	expires, err := materialExpiry(r.KeyMaterialExpireUnix, c.now)
	if err != nil {
		return nil, err
	}
	// Without KeyId the token alone says which CMK it is, and its state is looked at by the import.
	if r.KeyId != "" {
		if _, err := s.findForUse(c, byID(r.KeyId), kmsapi.OpImportKeyMaterial); err != nil {
			return nil, err
		}
	}
	token, err := s.openToken(c, r.ImportToken)
	if err != nil {
		return nil, err
	}
	defer token.Key.Clear()
	if r.KeyId != "" && r.KeyId != token.KeyID {
		return nil, kmsapi.ErrInvalidImportToken
	}
	material, good, err := unwrap(token, r.EncryptedKeyMaterial)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	return &kmsapi.ImportKeyMaterialResponse{}, s.changeCMK(c, token.KeyID, func(record *cmkRecord) error {
		after, err := record.Lifecycle.Import(c.now, expires)
		if err != nil {
			return err
		}
		record.become(after)
		return s.putMaterial(c, record, material, good)
	})
}

// materialExpiry is the moment that KeyMaterialExpireUnix says, or zero for never. The present second is not too early
// (§4.3), although material that expires in it is gone at once.
func materialExpiry(unix int, now time.Time) (time.Time, error) {
	switch at := int64(unix); {
	case at == 0:
		return time.Time{}, nil
	case at < now.Unix():
		return time.Time{}, kmsapi.InvalidParameter("KeyMaterialExpireUnix", "It must not lie in the past. It is in seconds since 1970.")
	case at > lastExpiry:
		return time.Time{}, kmsapi.InvalidParameter("KeyMaterialExpireUnix", "It must lie before the year 10000. It is in seconds since 1970.")
	default:
		return time.Unix(at, 0).UTC(), nil
	}
}

// openToken opens an import token, which must be of this account and region. The caller clears its key.
func (s *Service) openToken(c *call, text string) (wrapping.Token, error) {
	sealed, err := decodeBlob(text)
	if err != nil {
		return wrapping.Token{}, kmsapi.ErrInvalidImportToken
	}
	encoded, err := s.root.OpenToken(scope(c), sealed)
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
	if token.Expired(c.now) {
		token.Key.Clear()
		return wrapping.Token{}, kmsapi.ErrExpiredImportToken
	}
	return token, nil
}

// unwrap decrypts key material, base64 with or without line breaks. If it is not good, whatever is wrong with it, it is
// random: see [wrapping.Key.Unwrap]. The caller clears it.
func unwrap(token wrapping.Token, text string) (material *crypt.Material, good bool, err error) {
	ciphertext, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		ciphertext = nil
	}
	secret, good := token.Key.Unwrap(token.Algorithm, ciphertext, kmsapi.KeyMaterialSize)
	defer clear(secret)
	material, err = crypt.MaterialFromBytes(secret)
	return material, good, err
}

// putMaterial sets a CMK's material if it is good, and the same as ever. Material that is neither is refused in one place
// and after the same work, so that nobody learns which of the two it was: once a CMK has had material, an answer tells no
// more than whether that very material was sent.
func (s *Service) putMaterial(c *call, record *cmkRecord, material *crypt.Material, good bool) error {
	version, ok := record.version(record.PrimaryVersion)
	if !ok {
		return fmt.Errorf("CMK %s has no version %s", record.KeyID, record.PrimaryVersion)
	}
	path := materialPath(c, record.KeyID, version.ID)
	fingerprint, err := s.root.Fingerprint(path, material)
	if err != nil {
		return err
	}
	same := version.Fingerprint == nil || hmac.Equal(version.Fingerprint, fingerprint)
	if !good || !same {
		return kmsapi.ErrInvalidKeyMaterial
	}
	version.Fingerprint = fingerprint
	version.Wrapped, err = s.root.Wrap(path, material)
	return err
}

// deleteKeyMaterial erases imported key material. Its fingerprint stays (§4.8).
func (s *Service) deleteKeyMaterial(c *call, r *kmsapi.DeleteKeyMaterialRequest) (*kmsapi.DeleteKeyMaterialResponse, error) {
	return &kmsapi.DeleteKeyMaterialResponse{}, s.changeState(c, r.KeyId, keystate.Lifecycle.DeleteMaterial)
}
