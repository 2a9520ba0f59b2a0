package main

import (
	"context"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyKind is a kind of key that both the service and transit have. Before anything is measured, each side makes a
// ciphertext or a signature with its key, for the operations that take one.
type keyKind struct {
	spec, usage, algorithm string
	// make is the request to the service that makes it.
	make func(madeKey) kmsapi.Request

	// transit is the type of transit's key, and its name.
	transit string
	// path, data and field are the request to transit that makes it, and the field of the answer.
	path  string
	data  func(string) map[string]any
	field string
}

var (
	symmetric = keyKind{
		make: encryptWith, transit: "aes256-gcm96", path: "transit/encrypt/", data: thePlaintext, field: "ciphertext",
	}
	signsP256 = keyKind{
		spec: kmsapi.KeySpecP256, usage: kmsapi.KeyUsageSignVerify, algorithm: kmsapi.SignECDSA,
		make: signWith, transit: "ecdsa-p256", path: "transit/sign/", data: theDigest, field: "signature",
	}
	signsRSA = keyKind{
		spec: kmsapi.KeySpecRSA2048, usage: kmsapi.KeyUsageSignVerify, algorithm: kmsapi.SignPSS,
		make: signWith, transit: "rsa-2048", path: "transit/sign/", data: theDigest, field: "signature",
	}
	encryptsRSA = keyKind{
		spec: kmsapi.KeySpecRSA2048, usage: kmsapi.KeyUsageEncryptDecrypt, algorithm: kmsapi.EncryptOAEPSHA256,
		make: pairEncryptWith, transit: "rsa-2048", path: "transit/encrypt/", data: thePlaintext, field: "ciphertext",
	}
)

// madeKey is a key of the service, and the ciphertext or signature that it has made.
type madeKey struct {
	keyKind
	id, version, made string
}

// makeKey creates a key of the service, with which it makes something.
func (k *kmsService) makeKey(ctx context.Context, kind keyKind) (key madeKey, err error) {
	key.keyKind = kind
	c, err := k.Client()
	if err != nil {
		return key, err
	}
	defer c.Close()
	created, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{KeySpec: kind.spec, KeyUsage: kind.usage})
	if err != nil {
		return key, err
	}
	key.id = created.KeyMetadata.KeyId
	versions, err := c.ListKeyVersions(ctx, &kmsapi.ListKeyVersionsRequest{KeyId: key.id})
	if err != nil {
		return key, err
	}
	key.version = versions.KeyVersions.KeyVersion[0].KeyVersionId
	answer, err := c.Do(ctx, kind.make(key))
	if err != nil {
		return key, err
	}
	key.made, err = madeIn(answer)
	return key, err
}

// madeIn is the ciphertext or signature in an answer.
func madeIn(answer kmsapi.Response) (string, error) {
	switch a := answer.(type) {
	case *kmsapi.EncryptResponse:
		return a.CiphertextBlob, nil
	case *kmsapi.AsymmetricSignResponse:
		return a.Value, nil
	case *kmsapi.AsymmetricEncryptResponse:
		return a.CiphertextBlob, nil
	default:
		return "", fmt.Errorf("%T makes nothing", answer)
	}
}

// makeKey creates a key of transit, unless it has it, and returns what it makes.
func (v *vaultServer) makeKey(ctx context.Context, kind keyKind) (string, error) {
	transit := v.Client.Logical()
	_, err := transit.WriteWithContext(ctx, "transit/keys/"+kind.transit, map[string]any{"type": kind.transit})
	if err != nil {
		return "", err
	}
	answer, err := transit.WriteWithContext(ctx, kind.path+kind.transit, kind.data(""))
	if err != nil {
		return "", err
	}
	made, ok := answer.Data[kind.field].(string)
	if !ok {
		return "", fmt.Errorf("%s answered without %s", kind.path, kind.field)
	}
	return made, nil
}
