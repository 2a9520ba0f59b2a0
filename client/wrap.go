package client

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// minImportKey is the size, in bits, of the smallest key that key material is wrapped with. KMS's have that size; a
// smaller one did not come from KMS, or was tampered with.
const minImportKey = 2048

// ParseImportKey reads the public key that [Client.GetParametersForImport] gives: a DER SubjectPublicKeyInfo, once
// base64 is decoded. It must be RSA with 2048 bits or more.
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
		return nil, fmt.Errorf("it is an RSA key of %d bits, and %d are the least", bits, minImportKey)
	}
	return key, nil
}

// WrapKeyMaterial encrypts key material for KMS (§4.3) and returns the EncryptedKeyMaterial of
// [Client.ImportKeyMaterial]. The algorithm must be the one that the key's parameters were asked for with.
func WrapKeyMaterial(algorithm string, key *rsa.PublicKey, material []byte) (string, error) {
	if len(material) != kmsapi.KeyMaterialSize {
		return "", fmt.Errorf("key material has %d bytes, and this has %d", kmsapi.KeyMaterialSize, len(material))
	}
	wrap, ok := wrappers[algorithm]
	if !ok {
		return "", fmt.Errorf("there is no wrapping algorithm %q; there are %s, %s and %s",
			algorithm, kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15)
	}
	wrapped, err := wrap(key, material)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(wrapped), nil
}

// wrappers are read only. OAEP's mask generation uses the same hash, and its label is empty (§4.2).
var wrappers = map[string]func(key *rsa.PublicKey, material []byte) ([]byte, error){
	kmsapi.WrapOAEPSHA256: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, material, nil)
	},
	// OAEP needs no more of its hash than SHA-1 still gives.
	kmsapi.WrapOAEPSHA1: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, material, nil)
	},
	// What is weak about PKCS #1 v1.5 is its decryption, which is KMS's to do right.
	kmsapi.WrapPKCS1v15: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		//lint:ignore SA1019 The API has this algorithm.
		return rsa.EncryptPKCS1v15(rand.Reader, key, material)
	},
}
