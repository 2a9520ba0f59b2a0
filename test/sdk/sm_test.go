package sdk

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tjfoc/gmsm/sm2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// everyDialectOfSM plays a scenario in every dialect, on the service that has the SM algorithms.
func everyDialectOfSM(t *testing.T, scenario func(p player)) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			scenario(player{T: t, dialect: d, caller: d.dial(t, plain, plain.access)})
		})
	}
}

// sm2Key is the public key of an SM2 key, for a library other than the service's.
func (p player) sm2Key(keyID, version string) *sm2.PublicKey {
	p.Helper()
	got := do[kmsapi.GetPublicKeyResponse](p, &kmsapi.GetPublicKeyRequest{KeyId: keyID, KeyVersionId: version})
	block, rest := pem.Decode([]byte(got.PublicKey))
	require.Empty(p, rest)
	point := block.Bytes[len(block.Bytes)-64:] // A SubjectPublicKeyInfo ends with x and y.
	return &sm2.PublicKey{
		Curve: sm2.P256Sm2(), X: new(big.Int).SetBytes(point[:32]), Y: new(big.Int).SetBytes(point[32:]),
	}
}

// sm3Digest is the digest of a message of the default user. The library gives it as a number, without leading zeros.
func sm3Digest(p player, public *sm2.PublicKey, message []byte) []byte {
	p.Helper()
	number, err := public.Sm3Digest(message, nil)
	require.NoError(p, err)
	return new(big.Int).SetBytes(number).FillBytes(make([]byte, 32))
}

func TestSignaturesOfSM2KeysAreRightForAnotherLibrary(t *testing.T) {
	everyDialectOfSM(t, func(p player) {
		keyID, version := p.newPair(kmsapi.KeySpecSM2, kmsapi.KeyUsageSignVerify)
		public, message := p.sm2Key(keyID, version), []byte("this is message \r\n")
		digest := sm3Digest(p, public, message)
		signed := do[kmsapi.AsymmetricSignResponse](p, &kmsapi.AsymmetricSignRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.SignSM2, Digest: base64.StdEncoding.EncodeToString(digest),
		})
		signature, err := base64.StdEncoding.DecodeString(signed.Value)
		require.NoError(p, err)
		require.True(p, public.Verify(message, signature))
		for value, want := range map[string]bool{signed.Value: true, "eA==": false} {
			require.Equal(p, want, do[kmsapi.AsymmetricVerifyResponse](p, &kmsapi.AsymmetricVerifyRequest{
				KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.SignSM2,
				Digest: base64.StdEncoding.EncodeToString(digest), Value: value,
			}).Value)
		}
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("Algorithm"), &kmsapi.AsymmetricSignRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.SignECDSA, Digest: messageDigest,
		})
	})
}

func TestWhatAnotherLibraryEncryptsWithAnSM2KeyMovesToAKeyOfSM4(t *testing.T) {
	everyDialectOfSM(t, func(p player) {
		from, version := p.newPair(kmsapi.KeySpecSM2, kmsapi.KeyUsageEncryptDecrypt)
		to := p.newKey(kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecSM4})
		sealed, err := sm2.Encrypt(p.sm2Key(from, version), []byte("Hello world"), rand.Reader, sm2.C1C3C2)
		require.NoError(p, err)
		moved := do[kmsapi.ReEncryptResponse](p, &kmsapi.ReEncryptRequest{
			CiphertextBlob: base64.StdEncoding.EncodeToString(sealed), SourceKeyId: from, SourceKeyVersionId: version,
			SourceEncryptionAlgorithm: kmsapi.EncryptSM2, DestinationKeyId: to.KeyId,
		})
		require.Equal(p, "SGVsbG8gd29ybGQ=", p.decrypt(moved.CiphertextBlob, nil).Plaintext.Reveal())
	})
}

func TestAnSM2KeyDecryptsWhatItsServiceHasEncrypted(t *testing.T) {
	everyDialectOfSM(t, func(p player) {
		keyID, version := p.newPair(kmsapi.KeySpecSM2, kmsapi.KeyUsageEncryptDecrypt)
		sealed := do[kmsapi.AsymmetricEncryptResponse](p, &kmsapi.AsymmetricEncryptRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.EncryptSM2, Plaintext: kmsapi.NewSecret("SGVsbG8gd29ybGQ="),
		})
		require.Equal(p, "SGVsbG8gd29ybGQ=", do[kmsapi.AsymmetricDecryptResponse](p, &kmsapi.AsymmetricDecryptRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.EncryptSM2, CiphertextBlob: sealed.CiphertextBlob,
		}).Plaintext.Reveal())
	})
}

func TestAKeyOfSM4EncryptsForEveryDialect(t *testing.T) {
	everyDialectOfSM(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecSM4})
		require.Equal(p, kmsapi.KeySpecSM4, p.describe(key.KeyId).KeySpec)
		context := kmsapi.EncryptionContext{"team": "数据"}
		sealed := p.encrypt(key.KeyId, "text", context)
		require.Equal(p, "text", p.decrypt(sealed.CiphertextBlob, context).Plaintext.Reveal())
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
			&kmsapi.DecryptRequest{CiphertextBlob: sealed.CiphertextBlob})
		data := do[kmsapi.GenerateDataKeyResponse](p, &kmsapi.GenerateDataKeyRequest{KeyId: key.KeyId})
		require.Equal(p, data.Plaintext, p.decrypt(data.CiphertextBlob, nil).Plaintext)
	})
}
