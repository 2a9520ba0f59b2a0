package server_test

import (
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// modelSpecs are the kinds of CMKs in a model: each kind of material and each usage. RSA keys come from testdata.
var modelSpecs = []modelSpec{
	{kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt, "", ""},
	{kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt, "", ""}, // Most keys are of this kind.
	{kmsapi.KeySpecSM4, kmsapi.KeyUsageEncryptDecrypt, "", ""},
	{kmsapi.KeySpecRSA2048, kmsapi.KeyUsageEncryptDecrypt, kmsapi.EncryptOAEPSHA256, "rsa_2048"},
	{kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify, kmsapi.SignPSS, "rsa_2048"},
	{kmsapi.KeySpecP256, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, "prime256v1"},
	{kmsapi.KeySpecP256K, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, "secp256k1"},
	{kmsapi.KeySpecSM2, kmsapi.KeyUsageSignVerify, kmsapi.SignSM2, "sm2"},
	{kmsapi.KeySpecSM2, kmsapi.KeyUsageEncryptDecrypt, kmsapi.EncryptSM2, "sm2"},
}

// modelSpec is the KeySpec and KeyUsage of a CMK, its algorithm, and the file of testdata to import into it.
type modelSpec struct{ spec, usage, algorithm, file string }

func (s modelSpec) isSymmetric() bool { return s.algorithm == "" }

func (s modelSpec) signs() bool { return s.usage == kmsapi.KeyUsageSignVerify }

// decrypts reports whether the CMK is asymmetric and decrypts.
func (s modelSpec) decrypts() bool { return !s.isSymmetric() && !s.signs() }

// madeByVersion is a signature or a ciphertext by a version of an asymmetric CMK.
type madeByVersion struct{ version, value string }

// refusalUnless returns why a use of the CMK is refused: ErrUnsupportedOperation if isKind is false, and nil if it is
// allowed.
func (k *modelKey) refusalUnless(isKind bool) *kmsapi.Error {
	refusal := k.refusal(useRefused)
	if refusal == nil && !isKind {
		refusal = kmsapi.ErrUnsupportedOperation
	}
	return refusal
}

// pickVersion draws a version of a CMK and returns its id. It skips a version whose id is not known yet.
func (k *modelKey) pickVersion(t *rapid.T) string {
	version := rapid.SampledFrom(k.versions).Draw(t, "version")
	if version == "" {
		t.Skip("a version that has not been listed")
	}
	return version
}

func (m *model) AsymmetricSign(t *rapid.T) {
	k := m.pick(t)
	version, refusal := k.pickVersion(t), k.refusalUnless(k.signs())
	algorithm := kmsapi.SignECDSA
	if k.signs() {
		algorithm = k.algorithm
	}
	got, err := m.client.AsymmetricSign(t.Context(), &kmsapi.AsymmetricSignRequest{
		KeyId: k.id, KeyVersionId: version, Algorithm: algorithm, Digest: aDigest,
	})
	agree(t, refusal, err)
	if refusal == nil {
		k.made = append(k.made, madeByVersion{version, got.Value})
	}
}

func (m *model) AsymmetricEncrypt(t *rapid.T) {
	k := m.pick(t)
	version, refusal := k.pickVersion(t), k.refusalUnless(k.decrypts())
	algorithm := kmsapi.EncryptOAEPSHA256
	if k.decrypts() {
		algorithm = k.algorithm
	}
	got, err := m.client.AsymmetricEncrypt(t.Context(), &kmsapi.AsymmetricEncryptRequest{
		KeyId: k.id, KeyVersionId: version, Algorithm: algorithm, Plaintext: kmsapi.NewSecret(aDigest),
	})
	agree(t, refusal, err)
	if refusal == nil {
		k.made = append(k.made, madeByVersion{version, got.CiphertextBlob})
	}
}

// comparePair verifies the newest signatures and decrypts the newest ciphertexts of a CMK.
func (m *model) comparePair(t *rapid.T, k *modelKey) {
	const some = 3
	for _, made := range k.made[max(len(k.made)-some, 0):] {
		if k.signs() {
			got, err := m.client.AsymmetricVerify(t.Context(), &kmsapi.AsymmetricVerifyRequest{
				KeyId: k.id, KeyVersionId: made.version, Algorithm: k.algorithm, Digest: aDigest, Value: made.value,
			})
			agree(t, k.refusal(useRefused), err)
			require.True(t, err != nil || got.Value)
			continue
		}
		got, err := m.client.AsymmetricDecrypt(t.Context(), &kmsapi.AsymmetricDecryptRequest{
			KeyId: k.id, KeyVersionId: made.version, Algorithm: k.algorithm, CiphertextBlob: made.value,
		})
		agree(t, k.refusal(useRefused), err)
		require.True(t, err != nil || got.Plaintext.Reveal() == aDigest)
	}
}

// comparePublicKeys requires that the public key of each version has not changed. A public key that exists can be read
// in every state.
func (m *model) comparePublicKeys(t *rapid.T, k *modelKey) {
	var refusal *kmsapi.Error
	switch {
	case k.isSymmetric() && k.state == kmsapi.PendingImport:
		refusal = kmsapi.ErrRejectedPendingImport
	case k.isSymmetric():
		refusal = kmsapi.ErrUnsupportedOperation
	case k.material == nil:
		refusal = kmsapi.ErrRejectedPendingImport
	}
	for _, version := range k.versions {
		got, err := m.client.GetPublicKey(t.Context(), &kmsapi.GetPublicKeyRequest{KeyId: k.id, KeyVersionId: version})
		agree(t, refusal, err)
		if err != nil {
			continue
		}
		if k.public[version] == "" {
			k.public[version] = got.PublicKey
		}
		require.Equal(t, k.public[version], got.PublicKey)
	}
}
