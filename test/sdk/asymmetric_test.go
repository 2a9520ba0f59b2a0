package sdk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// messageDigest is the digest of a message of the documents.
var messageDigest = func() string {
	sum := sha256.Sum256([]byte("this is message \r\n"))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// newPair makes an asymmetric key, and returns its id and its version.
func (p player) newPair(spec, usage string) (keyID, version string) {
	p.Helper()
	made := p.newKey(kmsapi.CreateKeyRequest{KeySpec: spec, KeyUsage: usage})
	require.Equal(p, spec, made.KeySpec)
	require.Equal(p, usage, made.KeyUsage)
	versions := do[kmsapi.ListKeyVersionsResponse](p, &kmsapi.ListKeyVersionsRequest{KeyId: made.KeyId})
	return made.KeyId, versions.KeyVersions.KeyVersion[0].KeyVersionId
}

func (p player) publicKey(keyID, version string) any {
	p.Helper()
	got := do[kmsapi.GetPublicKeyResponse](p, &kmsapi.GetPublicKeyRequest{KeyId: keyID, KeyVersionId: version})
	block, rest := pem.Decode([]byte(got.PublicKey))
	require.Empty(p, rest)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(p, err)
	return key
}

func TestSignaturesOfKMSAreRightForTheStandardLibrary(t *testing.T) {
	digest, err := base64.StdEncoding.DecodeString(messageDigest)
	require.NoError(t, err)
	everyDialect(t, func(p player) {
		for spec, algorithms := range map[string][]string{
			kmsapi.KeySpecP256:    {kmsapi.SignECDSA},
			kmsapi.KeySpecRSA2048: {kmsapi.SignPSS, kmsapi.SignPKCS1v15},
		} {
			keyID, version := p.newPair(spec, kmsapi.KeyUsageSignVerify)
			public := p.publicKey(keyID, version)
			for _, algorithm := range algorithms {
				signed := do[kmsapi.AsymmetricSignResponse](p, &kmsapi.AsymmetricSignRequest{
					KeyId: keyID, KeyVersionId: version, Algorithm: algorithm, Digest: messageDigest,
				})
				signature, err := base64.StdEncoding.DecodeString(signed.Value)
				require.NoError(p, err)
				switch algorithm {
				case kmsapi.SignECDSA:
					require.True(p, ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest, signature))
				case kmsapi.SignPSS:
					require.NoError(p, rsa.VerifyPSS(public.(*rsa.PublicKey), crypto.SHA256, digest, signature,
						&rsa.PSSOptions{SaltLength: 32}))
				default:
					require.NoError(p, rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, digest, signature))
				}
				for value, want := range map[string]bool{signed.Value: true, "eA==": false} {
					require.Equal(p, want, do[kmsapi.AsymmetricVerifyResponse](p, &kmsapi.AsymmetricVerifyRequest{
						KeyId: keyID, KeyVersionId: version, Algorithm: algorithm, Digest: messageDigest, Value: value,
					}).Value)
				}
			}
		}
	})
}

func TestWhatIsEncryptedWithAPublicKeyIsDecryptedByKMS(t *testing.T) {
	everyDialect(t, func(p player) {
		keyID, version := p.newPair(kmsapi.KeySpecRSA2048, kmsapi.KeyUsageEncryptDecrypt)
		public := p.publicKey(keyID, version).(*rsa.PublicKey)
		outside, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, []byte("Hello world"), nil)
		require.NoError(p, err)
		inside := do[kmsapi.AsymmetricEncryptResponse](p, &kmsapi.AsymmetricEncryptRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.EncryptOAEPSHA256,
			Plaintext: kmsapi.NewSecret("SGVsbG8gd29ybGQ="),
		}).CiphertextBlob
		for _, blob := range []string{inside, base64.StdEncoding.EncodeToString(outside)} {
			require.Equal(p, "SGVsbG8gd29ybGQ=", do[kmsapi.AsymmetricDecryptResponse](p, &kmsapi.AsymmetricDecryptRequest{
				KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.EncryptOAEPSHA256, CiphertextBlob: blob,
			}).Plaintext.Reveal())
		}
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"), &kmsapi.AsymmetricDecryptRequest{
			KeyId: keyID, KeyVersionId: version, Algorithm: kmsapi.EncryptOAEPSHA1, CiphertextBlob: inside,
		})
	})
}
