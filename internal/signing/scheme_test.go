package signing

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestParametersChooseTheAlgorithm(t *testing.T) {
	for name, c := range map[string]struct {
		spec string
		p    Parameters
		want string
	}{
		"RSA by default":             {kmsapi.KeySpecRSA2048, Parameters{}, kmsapi.SignPSS},
		"RSA with pss":               {kmsapi.KeySpecRSA3072, Parameters{SignatureAlgorithm: PSS}, kmsapi.SignPSS},
		"RSA with pkcs1v15":          {kmsapi.KeySpecRSA4096, Parameters{SignatureAlgorithm: PKCS1v15}, kmsapi.SignPKCS1v15},
		"a salt by its meaning":      {kmsapi.KeySpecRSA2048, Parameters{SaltLength: SaltHash}, kmsapi.SignPSS},
		"a salt of transit's choice": {kmsapi.KeySpecRSA2048, Parameters{SaltLength: SaltAuto}, kmsapi.SignPSS},
		"a salt of 32 bytes":         {kmsapi.KeySpecRSA2048, Parameters{SaltLength: "32"}, kmsapi.SignPSS},
		"no salt where there is none": {
			kmsapi.KeySpecRSA2048, Parameters{SignatureAlgorithm: PKCS1v15, SaltLength: "0"}, kmsapi.SignPKCS1v15,
		},
		"the hash twice": {
			kmsapi.KeySpecP256, Parameters{Hashes: []string{"", HashSHA256, HashSHA256}}, kmsapi.SignECDSA,
		},
		"a curve":                    {kmsapi.KeySpecP256, Parameters{}, kmsapi.SignECDSA},
		"a curve, as cosign asks":    {kmsapi.KeySpecP256, Parameters{SignatureAlgorithm: PKCS1v15}, kmsapi.SignECDSA},
		"a curve with a salt":        {kmsapi.KeySpecP256K, Parameters{SaltLength: "20"}, kmsapi.SignECDSA},
		"a curve in the form of JWS": {kmsapi.KeySpecP256K, Parameters{Marshaling: JWS}, kmsapi.SignECDSA},
		"SM2":                        {kmsapi.KeySpecSM2, Parameters{}, kmsapi.SignSM2},
		"SM2 with its hash": {
			kmsapi.KeySpecSM2, Parameters{Hashes: []string{HashSM3, "", HashSM3}, SignatureAlgorithm: PSS}, kmsapi.SignSM2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := c.p.Scheme(c.spec)
			require.NoError(t, err)
			require.Equal(t, c.want, made.Algorithm)
		})
	}
}

func TestWhatKMSCannotDoIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spec string
		p    Parameters
		says string
	}{
		"another hash": {
			kmsapi.KeySpecP256, Parameters{Hashes: []string{HashSHA256, "sha2-512"}}, "must be sha2-256",
		},
		"no hash":                     {kmsapi.KeySpecRSA2048, Parameters{Hashes: []string{"none"}}, "must be sha2-256"},
		"the hash in capitals":        {kmsapi.KeySpecP256, Parameters{Hashes: []string{"SHA2-256"}}, "must be sha2-256"},
		"an unknown algorithm":        {kmsapi.KeySpecP256, Parameters{SignatureAlgorithm: "PSS"}, "must be pss or pkcs1v15"},
		"an unknown form":             {kmsapi.KeySpecP256, Parameters{Marshaling: "der"}, "must be asn1 or jws"},
		"a short salt":                {kmsapi.KeySpecRSA2048, Parameters{SaltLength: "20"}, "must be auto, hash or 32"},
		"a salt that is no length":    {kmsapi.KeySpecRSA2048, Parameters{SaltLength: "032"}, "must be auto, hash or 32"},
		"another hash for SM2":        {kmsapi.KeySpecSM2, Parameters{Hashes: []string{HashSHA256}}, "must be sm3"},
		"SM3 for another curve":       {kmsapi.KeySpecP256, Parameters{Hashes: []string{HashSM3}}, "must be sha2-256"},
		"a symmetric key of SM4":      {kmsapi.KeySpecSM4, Parameters{}, "can't sign"},
		"a symmetric key":             {kmsapi.KeySpecAES256, Parameters{}, "can't sign"},
		"a KeySpec that nobody knows": {"EC_P999", Parameters{}, "can't sign"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.p.Scheme(c.spec)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, 400, refusal.Status(err))
		})
	}
}

func TestTheDigestIsOfTheInputOrTheInput(t *testing.T) {
	plain, err := Parameters{}.Scheme(kmsapi.KeySpecP256)
	require.NoError(t, err)
	of := sha256.Sum256([]byte("hello"))
	digest, err := plain.Digest([]byte("hello"), "")
	require.NoError(t, err)
	require.Equal(t, of[:], digest)

	prehashed, err := Parameters{Prehashed: true}.Scheme(kmsapi.KeySpecP256)
	require.NoError(t, err)
	digest, err = prehashed.Digest(of[:], "")
	require.NoError(t, err)
	require.Equal(t, of[:], digest)
	for _, size := range []int{0, 20, 31, 33, 64} {
		_, err := prehashed.Digest(bytes.Repeat([]byte("x"), size), "")
		require.ErrorContains(t, err, "must be a SHA-256 digest")
		require.Equal(t, 400, refusal.Status(err))
	}
}
