package vectors

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestSignaturesAreCheckedAsWycheproofSays(t *testing.T) {
	for _, test := range []struct {
		file, spec string
		p          signing.Parameters
		encoding   *base64.Encoding
		// otherSalt is for signatures that are valid, but with a salt that KMS does not use.
		otherSalt bool
	}{
		{"ecdsa_secp256r1_sha256_test.json", kmsapi.KeySpecP256, signing.Parameters{}, base64.StdEncoding, false},
		{
			"ecdsa_secp256r1_sha256_p1363_test.json", kmsapi.KeySpecP256,
			signing.Parameters{Marshaling: signing.JWS},
			base64.RawURLEncoding, false,
		},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", kmsapi.KeySpecRSA2048, signing.Parameters{}, base64.StdEncoding, false},
		{"rsa_pss_2048_sha256_mgf1_0_test.json", kmsapi.KeySpecRSA2048, signing.Parameters{}, base64.StdEncoding, true},
		{
			"rsa_signature_2048_sha256_test.json", kmsapi.KeySpecRSA2048,
			signing.Parameters{SignatureAlgorithm: signing.PKCS1v15},
			base64.StdEncoding, false,
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			scheme, err := test.p.Scheme(test.spec)
			require.NoError(t, err)
			seen := map[bool]int{}
			for _, g := range load(t, test.file) {
				key, err := publickey.Parse(g.PublicKeyPem)
				require.NoError(t, err)
				for _, v := range g.Tests {
					if test.otherSalt && !v.valid() { // Some have KMS's salt.
						continue
					}
					digest, err := scheme.Digest(v.Msg, "")
					require.NoError(t, err)
					signature, err := scheme.Decode(test.encoding.EncodeToString(v.Sig))
					require.NoError(t, err)
					got := key.Verify(scheme.Algorithm, digest, signature)
					require.Equal(t, v.valid() && !test.otherSalt, got, "%d: %s", v.TcID, v.Comment)
					seen[got]++
				}
			}
			require.Greater(t, seen[false], 40)
			require.True(t, test.otherSalt || seen[true] > 5)
		})
	}
}

// TestSignaturesOfACurveChangeTheirForm converts every valid signature of Wycheproof to the form of JSON Web Signatures
// and back.
func TestSignaturesOfACurveChangeTheirForm(t *testing.T) {
	scheme, err := signing.Parameters{Marshaling: signing.JWS}.Scheme(kmsapi.KeySpecP256)
	require.NoError(t, err)
	for _, g := range load(t, "ecdsa_secp256r1_sha256_test.json") {
		for _, v := range g.Tests {
			if !v.valid() {
				continue
			}
			encoded, err := scheme.Encode(v.Sig)
			require.NoError(t, err, "%d: %s", v.TcID, v.Comment)
			decoded, err := scheme.Decode(encoded)
			require.NoError(t, err)
			require.True(t, slices.Equal(v.Sig, decoded))
		}
	}
}
