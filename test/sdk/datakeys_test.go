package sdk

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"hash"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// module is the RSA key of a cryptographic module that data keys are exported to, with its public half as
// PublicKeyBlob has it.
var module = func() (m struct {
	key  *rsa.PrivateKey
	blob string
},
) {
	var err error
	if m.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&m.key.PublicKey)
	if err != nil {
		panic(err)
	}
	m.blob = base64.StdEncoding.EncodeToString(der)
	return m
}()

// imported is the data key that the module unwraps from an exported one.
func imported(t require.TestingT, algorithm, exported string) []byte {
	wrapped, err := base64.StdEncoding.DecodeString(exported)
	require.NoError(t, err)
	var h hash.Hash = sha256.New()
	if algorithm == kmsapi.WrapOAEPSHA1 {
		h = sha1.New()
	}
	key, err := rsa.DecryptOAEP(h, nil, module.key, wrapped, nil)
	require.NoError(t, err)
	return key
}

func TestDataKeysThatNobodySees(t *testing.T) {
	context := kmsapi.EncryptionContext{"部门": "财务", "a b": "=&+"}
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		without := do[kmsapi.GenerateDataKeyWithoutPlaintextResponse](p, &kmsapi.GenerateDataKeyWithoutPlaintextRequest{
			KeyId: key.Arn, KeySpec: kmsapi.DataKeyAES128, EncryptionContext: context,
		})
		require.Equal(p, key.KeyId, without.KeyId)
		opened := p.decrypt(without.CiphertextBlob, context)
		require.Equal(p, without.KeyVersionId, opened.KeyVersionId)
		raw, err := base64.StdEncoding.DecodeString(opened.Plaintext.Reveal())
		require.NoError(p, err)
		require.Len(p, raw, 16)
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
			&kmsapi.DecryptRequest{CiphertextBlob: without.CiphertextBlob})
		for _, algorithm := range []string{kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1} {
			out := do[kmsapi.ExportDataKeyResponse](p, &kmsapi.ExportDataKeyRequest{
				CiphertextBlob: without.CiphertextBlob, EncryptionContext: context, PublicKeyBlob: module.blob,
				WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: algorithm,
			})
			require.Equal(p, raw, imported(p, algorithm, out.ExportedDataKey))
			require.Equal(p, []string{key.KeyId, without.KeyVersionId}, []string{out.KeyId, out.KeyVersionId})
			made := do[kmsapi.GenerateAndExportDataKeyResponse](p, &kmsapi.GenerateAndExportDataKeyRequest{
				KeyId: key.KeyId, NumberOfBytes: 64, EncryptionContext: context, PublicKeyBlob: module.blob,
				WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: algorithm,
			})
			exported := imported(p, algorithm, made.ExportedDataKey)
			require.Len(p, exported, 64)
			require.Equal(p, base64.StdEncoding.EncodeToString(exported),
				p.decrypt(made.CiphertextBlob, context).Plaintext.Reveal())
		}
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("PublicKeyBlob"), &kmsapi.GenerateAndExportDataKeyRequest{
			KeyId: key.KeyId, PublicKeyBlob: "bm9uZQ==",
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: kmsapi.WrapOAEPSHA256,
		})
	})
}

func TestCiphertextsMoveToAnotherKey(t *testing.T) {
	before, after := kmsapi.EncryptionContext{"app": "payroll", "城市": "杭州"}, kmsapi.EncryptionContext{"a.b": "c=&+ "}
	everyDialect(t, func(p player) {
		from, to, name := p.newKey(kmsapi.CreateKeyRequest{}), p.newKey(kmsapi.CreateKeyRequest{}), newAlias()
		p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: to.KeyId})
		sealed := p.encrypt(from.KeyId, "text 工资", before)
		for _, destination := range []string{to.KeyId, to.Arn, name} {
			moved := do[kmsapi.ReEncryptResponse](p, &kmsapi.ReEncryptRequest{
				CiphertextBlob: sealed.CiphertextBlob, SourceEncryptionContext: before,
				DestinationKeyId: destination, DestinationEncryptionContext: after,
			})
			require.Equal(p, []string{from.KeyId, sealed.KeyVersionId}, []string{moved.KeyId, moved.KeyVersionId})
			opened := p.decrypt(moved.CiphertextBlob, after)
			require.Equal(p, "text 工资", opened.Plaintext.Reveal())
			require.Equal(p, to.KeyId, opened.KeyId)
		}
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
			&kmsapi.ReEncryptRequest{CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: to.KeyId})
		p.must(&kmsapi.DisableKeyRequest{KeyId: to.KeyId})
		p.refused(kmsapi.ErrRejectedDisabled, &kmsapi.ReEncryptRequest{
			CiphertextBlob: sealed.CiphertextBlob, SourceEncryptionContext: before, DestinationKeyId: to.KeyId,
		})
	})
}

func TestCiphertextsOfAsymmetricKeysMoveToSymmetricOnes(t *testing.T) {
	everyDialect(t, func(p player) {
		from := p.newKey(kmsapi.CreateKeyRequest{
			KeySpec: kmsapi.KeySpecRSA2048, KeyUsage: kmsapi.KeyUsageEncryptDecrypt,
		})
		to := p.newKey(kmsapi.CreateKeyRequest{})
		versions := do[kmsapi.ListKeyVersionsResponse](p, &kmsapi.ListKeyVersionsRequest{KeyId: from.KeyId})
		version := versions.KeyVersions.KeyVersion[0].KeyVersionId
		sealed := do[kmsapi.AsymmetricEncryptResponse](p, &kmsapi.AsymmetricEncryptRequest{
			KeyId: from.KeyId, KeyVersionId: version, Algorithm: kmsapi.EncryptOAEPSHA256,
			Plaintext: kmsapi.NewSecret("c2VjcmV0"),
		})
		moved := do[kmsapi.ReEncryptResponse](p, &kmsapi.ReEncryptRequest{
			CiphertextBlob: sealed.CiphertextBlob, SourceKeyId: from.KeyId, SourceKeyVersionId: version,
			SourceEncryptionAlgorithm: kmsapi.EncryptOAEPSHA256, DestinationKeyId: to.KeyId,
		})
		require.Equal(p, []string{from.KeyId, version}, []string{moved.KeyId, moved.KeyVersionId})
		require.Equal(p, "c2VjcmV0", p.decrypt(moved.CiphertextBlob, nil).Plaintext.Reveal())
	})
}
