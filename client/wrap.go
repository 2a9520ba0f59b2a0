package client

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// minImportKey is the size, in bits, of the smallest key that may wrap key material. KMS's keys have that size; a
// smaller one did not come from KMS, or was tampered with.
const minImportKey = 2048

// ParseImportKey reads the public key of [Client.GetParametersForImport]: a DER SubjectPublicKeyInfo, already decoded
// from base64. It must be RSA with 2048 bits or more.
func ParseImportKey(der []byte) (*rsa.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("it is not a public key in DER (SubjectPublicKeyInfo)")
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("it is a public key, but not of RSA")
	}
	if bits := key.N.BitLen(); bits < minImportKey {
		return nil, fmt.Errorf("it is an RSA key of %d bits, and needs at least %d", bits, minImportKey)
	}
	return key, nil
}

// WrapKeyMaterial encrypts key material for KMS (§4.3) and returns the EncryptedKeyMaterial of
// [Client.ImportKeyMaterial]. The algorithm must be the one in the request for the key's parameters. For
// [kmsapi.WrapKeyPair] the material is a private key as [ParsePrivateKey] returns it, but not an SM2 key. For the other
// algorithms it is as long as the [kmsapi.MaterialSize] of the CMK's KeySpec. This package does not have the algorithms
// with SM2.
func WrapKeyMaterial(algorithm string, key *rsa.PublicKey, material []byte) (string, error) {
	wrap, ok := wrappers[algorithm]
	if !ok {
		return "", fmt.Errorf("there is no wrapping algorithm %q; the algorithms are %s", algorithm,
			strings.Join(slices.Sorted(maps.Keys(wrappers)), ", "))
	}
	wrapped, err := wrap(key, material)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(wrapped), nil
}

// A wrapper encrypts key material.
type wrapper func(key *rsa.PublicKey, material []byte) ([]byte, error)

// wrappers are read only. OAEP's mask generation uses the same hash, and its label is empty (§4.2).
var wrappers = map[string]wrapper{
	kmsapi.WrapOAEPSHA256: symmetric(wrapOAEPSHA256),
	// SHA-1's collisions do not weaken OAEP.
	kmsapi.WrapOAEPSHA1: symmetric(func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, material, nil)
	}),
	// The weakness of PKCS #1 v1.5 is in decryption, which KMS must get right.
	kmsapi.WrapPKCS1v15: symmetric(func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		//lint:ignore SA1019 The API has this algorithm.
		return rsa.EncryptPKCS1v15(rand.Reader, key, material)
	}),
	kmsapi.WrapKeyPair: wrapPrivateKey,
}

// symmetric refuses material that is not that of a symmetric CMK.
func symmetric(wrap wrapper) wrapper {
	return func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		if !kmsapi.IsMaterialSize(len(material)) {
			return nil, fmt.Errorf("key material has %d bytes, that for KeySpec %s has %d, and this has %d",
				kmsapi.KeyMaterialSize, kmsapi.KeySpecSM4, kmsapi.MaterialSize(kmsapi.KeySpecSM4), len(material))
		}
		return wrap(key, material)
	}
}

func wrapOAEPSHA256(key *rsa.PublicKey, material []byte) ([]byte, error) {
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, material, nil)
}

// wrapPrivateKey encrypts a private key with a new AES key, and the AES key with key. ECB is KMS's choice; each AES key
// is used only once.
func wrapPrivateKey(key *rsa.PublicKey, material []byte) ([]byte, error) {
	spec, pkcs8, err := ParsePrivateKey(material)
	if err != nil {
		return nil, err
	}
	defer clear(pkcs8)
	if !slices.Contains(kmsapi.WrappingAlgorithms(spec), kmsapi.WrapKeyPair) {
		return nil, fmt.Errorf("a private key of KeySpec %s can't be wrapped with %s", spec, kmsapi.WrapKeyPair)
	}
	ephemeral := make([]byte, 32)
	defer clear(ephemeral)
	_, _ = rand.Read(ephemeral) // It never fails.
	wrapped, err := wrapOAEPSHA256(key, ephemeral)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(ephemeral)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(pkcs8)%aes.BlockSize
	padded := slices.Concat(pkcs8, bytes.Repeat([]byte{byte(n)}, n))
	for at := 0; at < len(padded); at += aes.BlockSize {
		block.Encrypt(padded[at:], padded[at:])
	}
	return append(wrapped, padded...), nil
}
