package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func schemeOf(t testing.TB, spec, marshaling string) Scheme {
	t.Helper()
	made, err := Parameters{Marshaling: marshaling}.Scheme(spec)
	require.NoError(t, err)
	return made
}

func TestFormsOfASignature(t *testing.T) {
	der := append([]byte{0x30, 0x25, 2, 1, 1, 2, 0x20, 0x7f}, bytes.Repeat([]byte{0xff}, 31)...)
	raw := append(append(make([]byte, 31), 1, 0x7f), bytes.Repeat([]byte{0xff}, 31)...)
	for name, c := range map[string]struct {
		spec, marshaling string
		want             string
	}{
		"a curve in DER":     {kmsapi.KeySpecP256, ASN1, base64.StdEncoding.EncodeToString(der)},
		"a curve as in JWS":  {kmsapi.KeySpecP256K, JWS, base64.RawURLEncoding.EncodeToString(raw)},
		"RSA":                {kmsapi.KeySpecRSA2048, "", base64.StdEncoding.EncodeToString(der)},
		"RSA as in JWS":      {kmsapi.KeySpecRSA2048, JWS, base64.RawURLEncoding.EncodeToString(der)},
		"a curve by default": {kmsapi.KeySpecP256, "", base64.StdEncoding.EncodeToString(der)},
	} {
		t.Run(name, func(t *testing.T) {
			s := schemeOf(t, c.spec, c.marshaling)
			encoded, err := s.Encode(der)
			require.NoError(t, err)
			require.Equal(t, c.want, encoded)
			decoded, err := s.Decode(encoded)
			require.NoError(t, err)
			require.Equal(t, der, decoded)
		})
	}
}

func TestWhatIsNotOneEncodingOfASignatureIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ marshaling, encoded string }{
		"not base64":                       {ASN1, "%"},
		"without padding":                  {ASN1, "QQ"},
		"with bits after the end":          {ASN1, "QR=="},
		"in base64 for URLs":               {ASN1, "__8="},
		"in standard base64":               {JWS, "//8"},
		"with padding":                     {JWS, "QQ=="},
		"with bits after the end, for JWS": {JWS, "QR"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := schemeOf(t, kmsapi.KeySpecRSA2048, c.marshaling).Decode(c.encoded)
			require.ErrorContains(t, err, "vault:vN:")
			require.Equal(t, 400, refusal.Status(err))
		})
	}
}

func TestWhatCannotBeTwoNumbersOfTheCurveIsNoSignature(t *testing.T) {
	s := schemeOf(t, kmsapi.KeySpecP256, JWS)
	for name, raw := range map[string][]byte{
		"nothing":     {},
		"a byte less": bytes.Repeat([]byte{1}, 63),
		"a byte more": bytes.Repeat([]byte{1}, 65),
		"r is zero":   append(make([]byte, 32), bytes.Repeat([]byte{1}, 32)...),
		"s is zero":   append(bytes.Repeat([]byte{1}, 32), make([]byte, 32)...),
	} {
		decoded, err := s.Decode(base64.RawURLEncoding.EncodeToString(raw))
		require.NoError(t, err, name)
		require.Nil(t, decoded, name)
	}
}

func TestGarbageOfKMSIsNotPassedOnAsJWS(t *testing.T) {
	s := schemeOf(t, kmsapi.KeySpecP256, JWS)
	for name, digits := range map[string]string{
		"nothing":                       "",
		"not a sequence":                "0201010201010000",
		"bytes after it":                "300602010102010100",
		"a third number":                "3009020101020101020101",
		"a length in the long form":     "30810602010102010" + "1",
		"a number with a zero in front": "30070202000102" + "0101",
		"a negative number":             "3006020181020101",
		"zero":                          "3006020100020101",
		"33 bytes":                      "3026022101" + hex.EncodeToString(make([]byte, 32)) + "020101",
	} {
		der, err := hex.DecodeString(digits)
		require.NoError(t, err, name)
		_, err = s.Encode(der)
		require.ErrorIs(t, err, errForm, name)
	}
}

func TestRawSignaturesSurviveDER(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 2*scalarSize, 2*scalarSize).Draw(t, "raw")
		leading := rapid.IntRange(0, scalarSize).Draw(t, "zeros in front of r")
		clear(raw[:leading])
		if der := derOf(raw); der != nil {
			require.Equal(t, raw, rawOf(der))
		} else {
			require.True(t, isZero(raw[:scalarSize]) || isZero(raw[scalarSize:]))
		}
	})
}

func isZero(b []byte) bool { return bytes.Equal(b, make([]byte, len(b))) }

// FuzzDER looks for an encoding that is accepted although it is not the canonical one of its two numbers.
func FuzzDER(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	for _, curve := range []string{"prime256v1", "secp256k1"} {
		signature, err := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata",
			curve+".ecdsa_sha256.sig"))
		require.NoError(f, err)
		f.Add(signature)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if raw := rawOf(der); raw != nil {
			require.Equal(t, der, derOf(raw))
		}
		if made := derOf(der); made != nil {
			require.Equal(t, der, rawOf(made))
		}
	})
}
