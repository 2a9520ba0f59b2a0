package alicloudkms

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A keyType is a type of transit's keys, with the KeySpec of the CMK that is made for it.
type keyType struct{ name, spec string }

// keyTypes are the types that KMS has keys of. It is never changed.
var keyTypes = []keyType{
	{"aes256-gcm96", kmsapi.KeySpecAES256},
	{"rsa-2048", kmsapi.KeySpecRSA2048},
	{"rsa-3072", kmsapi.KeySpecRSA3072},
	{"rsa-4096", kmsapi.KeySpecRSA4096},
	{"ecdsa-p256", kmsapi.KeySpecP256},
}

// takenAsAES256 are types of transit that are as good as aes256-gcm96 to their users, and are taken as that.
var takenAsAES256 = []string{"aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"}

// specOfType returns the KeySpec that a type of transit's is taken as, and a warning if it is not the same.
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
	return "", "", refusal.BadRequest("KMS has no keys of the type %q; the types are %s, and key_spec has others",
		fields.Shorten(name), strings.Join(names, ", "))
}

// typeOfSpec is transit's name of a KeySpec, and the KeySpec itself, in lower case, if transit has no such keys.
func typeOfSpec(spec string) string {
	for _, t := range keyTypes {
		if t.spec == cmp.Or(spec, kmsapi.KeySpecAES256) {
			return t.name
		}
	}
	return strings.ToLower(spec)
}
