package alicloudkms

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A keyType is a transit key type, with the KeySpec of the CMK that is made for it.
type keyType struct {
	name, spec string
	// pair is transit's name for the key pair of a version, if it is not the name of the type.
	pair string
}

// keyTypes are the types that KMS has keys for. It is never changed.
var keyTypes = []keyType{
	{name: "aes256-gcm96", spec: kmsapi.KeySpecAES256},
	{name: "rsa-2048", spec: kmsapi.KeySpecRSA2048},
	{name: "rsa-3072", spec: kmsapi.KeySpecRSA3072},
	{name: "rsa-4096", spec: kmsapi.KeySpecRSA4096},
	{name: "ecdsa-p256", spec: kmsapi.KeySpecP256, pair: "P-256"},
}

// takenAsAES256 are transit types that aes256-gcm96 can replace for their users.
var takenAsAES256 = []string{"aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"}

// specOfType returns the KeySpec for a transit type, and a warning if it is a replacement.
func specOfType(name string) (spec, warning string, err error) {
	if at := slices.IndexFunc(keyTypes, func(t keyType) bool { return t.name == name }); at >= 0 {
		return keyTypes[at].spec, "", nil
	}
	if slices.Contains(takenAsAES256, name) {
		warning = "KMS has no keys of the type " + name + "; the key is of the type " + keyTypes[0].name
		return kmsapi.KeySpecAES256, warning, nil
	}
	names := make([]string, 0, len(keyTypes))
	for _, t := range keyTypes {
		names = append(names, t.name)
	}
	return "", "", refusal.BadRequest("KMS has no keys of that type; the types are %s, and key_spec has others",
		strings.Join(names, ", "))
}

// typeOfSpec returns transit's name of a KeySpec, or the KeySpec in lower case if transit has no such keys.
func typeOfSpec(spec string) string { return keyTypeOf(spec).name }

func keyTypeOf(spec string) keyType {
	spec = cmp.Or(spec, kmsapi.KeySpecAES256)
	if at := slices.IndexFunc(keyTypes, func(t keyType) bool { return t.spec == spec }); at >= 0 {
		return keyTypes[at]
	}
	return keyType{name: strings.ToLower(spec), spec: spec}
}
