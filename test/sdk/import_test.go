package sdk

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// wrap has a function for each algorithm that encrypts key material with it.
var wrap = map[string]func(key *rsa.PublicKey, material []byte) ([]byte, error){
	kmsapi.WrapPKCS1v15: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		//lint:ignore SA1019 The API has PKCS #1 v1.5, so its users use it.
		return rsa.EncryptPKCS1v15(rand.Reader, key, material)
	},
	kmsapi.WrapOAEPSHA1: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(sha1.New(), rand.Reader, key, material, nil)
	},
	kmsapi.WrapOAEPSHA256: func(key *rsa.PublicKey, material []byte) ([]byte, error) {
		return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, material, nil)
	},
}

func newMaterial() []byte {
	material := make([]byte, kmsapi.KeyMaterialSize)
	_, _ = rand.Read(material) // It never fails.
	return material
}

// wrappingKey is an RSA key with its token. Both are valid for more than one import.
type wrappingKey struct {
	keyID, algorithm, token string
	key                     *rsa.PublicKey
}

func (p player) newWrappingKey(keyID, algorithm string) wrappingKey {
	p.Helper()
	given := do[kmsapi.GetParametersForImportResponse](p, &kmsapi.GetParametersForImportRequest{
		KeyId: keyID, WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
	})
	require.Equal(p, keyID, given.KeyId)
	require.WithinDuration(p, time.Now().Add(24*time.Hour), parseTime(p, given.TokenExpireTime), time.Minute)
	der, err := base64.StdEncoding.DecodeString(given.PublicKey)
	require.NoError(p, err)
	key, err := x509.ParsePKIXPublicKey(der)
	require.NoError(p, err)
	require.IsType(p, &rsa.PublicKey{}, key)
	require.Equal(p, 2048, key.(*rsa.PublicKey).N.BitLen())
	return wrappingKey{keyID, algorithm, given.ImportToken, key.(*rsa.PublicKey)}
}

// request returns a request that imports material.
func (w wrappingKey) request(t require.TestingT, material []byte) *kmsapi.ImportKeyMaterialRequest {
	wrapped, err := wrap[w.algorithm](w.key, material)
	require.NoError(t, err)
	return &kmsapi.ImportKeyMaterialRequest{
		KeyId: w.keyID, EncryptedKeyMaterial: base64.StdEncoding.EncodeToString(wrapped), ImportToken: w.token,
	}
}

func TestKeyMaterialIsImportedWithEveryAlgorithm(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal})
		require.Equal(p, kmsapi.PendingImport, key.KeyState)
		p.refused(kmsapi.ErrRejectedPendingImport,
			&kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: kmsapi.NewSecret("text")})

		remove := &kmsapi.DeleteKeyMaterialRequest{}
		remove.KeyId = key.KeyId
		material := newMaterial()
		var again *kmsapi.ImportKeyMaterialRequest
		blob := ""
		for algorithm := range wrap {
			p.run(algorithm, func(p player) {
				request := p.newWrappingKey(key.KeyId, algorithm).request(p, material)
				expires := time.Now().Add(time.Hour).Truncate(time.Second)
				request.KeyMaterialExpireUnix = int(expires.Unix())
				p.must(request)
				imported := p.describe(key.KeyId)
				require.Equal(p, kmsapi.Enabled, imported.KeyState)
				require.Equal(p, expires.UTC().Format(kmsapi.TimeFormat), imported.MaterialExpireTime)
				if blob != "" {
					require.Equal(p, "text", p.decrypt(blob, nil).Plaintext.Reveal(),
						"the same material decrypts what it encrypted before")
				}
				blob, again = p.encrypt(key.KeyId, "text", nil).CiphertextBlob, request

				p.must(remove)
				require.Equal(p, kmsapi.PendingImport, p.describe(key.KeyId).KeyState)
				p.refused(kmsapi.ErrRejectedPendingImport, &kmsapi.DecryptRequest{CiphertextBlob: blob})
			})
		}
		again.KeyMaterialExpireUnix = 0
		p.must(again)
		require.Empty(p, p.describe(key.KeyId).MaterialExpireTime, "without an expiry it never expires")
		require.Equal(p, "text", p.decrypt(blob, nil).Plaintext.Reveal())
	})
}

func TestBadImportsAreRefused(t *testing.T) {
	everyDialect(t, func(p player) {
		external := kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal}
		key, other := p.newKey(external).KeyId, p.newKey(external).KeyId
		w := p.newWrappingKey(key, kmsapi.WrapOAEPSHA256)
		good := w.request(p, newMaterial())
		forOther, damaged, noToken := *good, *good, *good
		forOther.KeyId, noToken.ImportToken = other, "bm90IGEgdG9rZW4="
		damaged.EncryptedKeyMaterial = base64.StdEncoding.EncodeToString(pattern(256))
		p.refused(kmsapi.ErrInvalidImportToken, &forOther)
		p.refused(kmsapi.ErrInvalidImportToken, &noToken)
		p.refused(kmsapi.ErrInvalidKeyMaterial, &damaged)
		p.refused(kmsapi.ErrInvalidKeyMaterial, w.request(p, newMaterial()[:31]))
		require.Equal(p, kmsapi.PendingImport, p.describe(key).KeyState, "a refused request changes nothing")

		p.must(good)
		p.refused(kmsapi.ErrInvalidKeyMaterial, w.request(p, newMaterial()))
		p.must(good)
		p.refused(kmsapi.ErrUnsupportedOrigin, &kmsapi.GetParametersForImportRequest{
			KeyId: p.newKey(kmsapi.CreateKeyRequest{}).KeyId, WrappingAlgorithm: kmsapi.WrapOAEPSHA1,
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
		})
	})
}
