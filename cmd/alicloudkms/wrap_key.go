package main

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An importKey is the public key that KMS gave for an import: an RSA key, or one on SM2.
type importKey struct {
	rsa *rsa.PublicKey
	sm2 *sm2key.PublicKey
}

func parseImportKey(der []byte) (importKey, error) {
	if key, err := sm2key.ParsePublic(der); err == nil {
		return importKey{sm2: key}, nil
	}
	key, err := client.ParseImportKey(der)
	return importKey{rsa: key}, err
}

// spec is the WrappingKeySpec of the key.
func (k importKey) spec() string {
	if k.sm2 != nil {
		return kmsapi.WrappingKeySpecSM2
	}
	return kmsapi.WrappingKeySpecRSA2048
}

// algorithmFor returns what to wrap material with: given, or if that is empty, the best that the key can do.
func (k importKey) algorithmFor(m wrapMaterial, given string) (string, error) {
	able := slices.DeleteFunc(kmsapi.WrappingAlgorithms(m.keySpec), func(algorithm string) bool {
		return kmsapi.WrappingKeySpec(algorithm) != k.spec()
	})
	switch {
	case slices.Contains(able, given):
		return given, nil
	case given != "" && kmsapi.WrappingKeySpec(given) != k.spec():
		return "", fmt.Errorf("the public key is of %s, and %s takes one of %s",
			k.spec(), given, kmsapi.WrappingKeySpec(given))
	case given != "":
		return "", fmt.Errorf("it is key material for KeySpec %s, and the public key is for %s", m.keySpec, given)
	case slices.Contains(able, kmsapi.WrapOAEPSHA256):
		return kmsapi.WrapOAEPSHA256, nil
	case len(able) > 0:
		return able[0], nil
	default:
		needed := kmsapi.WrappingAlgorithms(m.keySpec)[0]
		return "", fmt.Errorf("it is a private key for KeySpec %s, and the public key is of %s: request one with %s, which is of %s",
			m.keySpec, k.spec(), needed, kmsapi.WrappingKeySpec(needed))
	}
}

// wrap encrypts material with an algorithm that the key can do.
func (k importKey) wrap(algorithm string, m wrapMaterial) (string, error) {
	var wrapped []byte
	var err error
	switch algorithm {
	case kmsapi.WrapSM2PKE:
		wrapped, err = k.sm2.Encrypt(m.bytes)
	case kmsapi.WrapSM2KeyPair:
		wrapped, err = wrapPrivateKeyOnSM2(k.sm2, m.bytes)
	default:
		return client.WrapKeyMaterial(algorithm, k.rsa, m.bytes)
	}
	return base64.StdEncoding.EncodeToString(wrapped), err
}

func wrapPrivateKeyOnSM2(public *sm2key.PublicKey, pkcs8 []byte) ([]byte, error) {
	private, err := sm2key.ParsePrivate(pkcs8)
	if err != nil {
		return nil, errors.New("the private key is not a valid one on SM2: its numbers don't fit the curve, or each other")
	}
	defer private.Clear()
	scalar := private.Scalar()
	defer clear(scalar)
	return public.WrapPrivateKey(scalar)
}
