package kmskeys

import (
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An algorithm is an algorithm of sigstore's registry that KMS has.
type algorithm struct {
	// name is the algorithm's name in the registry.
	name string
	// keySpec is the KeySpec of the keys, and signs the algorithm of AsymmetricSign.
	keySpec, signs string
}

// algorithms are all of them, the default first. Where keys of one KeySpec sign by several, the first is the one that
// sigstore takes for them when it has nothing but a public key. It is never changed.
var algorithms = []algorithm{
	{"ecdsa-sha2-256-nistp256", kmsapi.KeySpecP256, kmsapi.SignECDSA},
	{"rsa-sign-pkcs1-2048-sha256", kmsapi.KeySpecRSA2048, kmsapi.SignPKCS1v15},
	{"rsa-sign-pkcs1-3072-sha256", kmsapi.KeySpecRSA3072, kmsapi.SignPKCS1v15},
	{"rsa-sign-pkcs1-4096-sha256", kmsapi.KeySpecRSA4096, kmsapi.SignPKCS1v15},
	{"rsa-sign-pss-2048-sha256", kmsapi.KeySpecRSA2048, kmsapi.SignPSS},
	{"rsa-sign-pss-3072-sha256", kmsapi.KeySpecRSA3072, kmsapi.SignPSS},
	{"rsa-sign-pss-4096-sha256", kmsapi.KeySpecRSA4096, kmsapi.SignPSS},
}

func algorithmNames() (names []string) {
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return names
}

func findAlgorithm(name string) (*algorithm, error) {
	if at := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name }); at >= 0 {
		return &algorithms[at], nil
	}
	return nil, fmt.Errorf("KMS has no keys of the algorithm %.64q; %s", name,
		guess.Among(name, "algorithms", algorithmNames()))
}

// usualAlgorithm returns the algorithm of keys of a KeySpec if no other is named, and nil if sigstore has none.
func usualAlgorithm(keySpec string) *algorithm {
	if at := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.keySpec == keySpec }); at >= 0 {
		return &algorithms[at]
	}
	return nil
}
