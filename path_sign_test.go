package alicloudkms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// vectorPair returns an RSA key from testdata, since generating one takes seconds, and nil for a curve.
func vectorPair(spec string) []byte {
	if !strings.HasPrefix(spec, "RSA_") {
		return nil
	}
	file := strings.ToLower(spec) + ".pkcs8.der"
	der, _ := os.ReadFile(filepath.Join("server", "internal", "asymmetric", "testdata", file))
	return der
}

// makeKey makes a key with some fields.
func (r *rig) makeKey(name string, fields body) *logical.Response {
	r.t.Helper()
	return r.write("keys/"+name, fields)
}

// publicKey returns the public key of a version, as transit's clients read it.
func (r *rig) publicKey(name, version string) any {
	r.t.Helper()
	shown := r.publicKeys(name)[version].(map[string]any)
	block, rest := pem.Decode([]byte(shown["public_key"].(string)))
	require.Empty(r.t, rest)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(r.t, err)
	return key
}

func digestOf(data string) []byte {
	digest := sha256.Sum256([]byte(data))
	return digest[:]
}

// isSignature checks, using only the standard library, a signature of "hello" from sign.
func isSignature(t *testing.T, public any, signature string, asked body) bool {
	t.Helper()
	encoded, ok := strings.CutPrefix(signature, "vault:v1:")
	require.True(t, ok, signature)
	encoding := base64.StdEncoding
	jws := asked["marshaling_algorithm"] == "jws"
	if jws {
		encoding = base64.RawURLEncoding
	}
	made, err := encoding.DecodeString(encoded)
	require.NoError(t, err)
	switch key := public.(type) {
	case *rsa.PublicKey:
		if asked["signature_algorithm"] == "pkcs1v15" {
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digestOf("hello"), made) == nil
		}
		return rsa.VerifyPSS(key, crypto.SHA256, digestOf("hello"), made, &rsa.PSSOptions{SaltLength: 32}) == nil
	case *ecdsa.PublicKey:
		if jws {
			require.Len(t, made, 64)
			return ecdsa.Verify(key, digestOf("hello"), new(big.Int).SetBytes(made[:32]), new(big.Int).SetBytes(made[32:]))
		}
		return ecdsa.VerifyASN1(key, digestOf("hello"), made)
	}
	return false
}

func TestSignaturesAreRight(t *testing.T) {
	r := newKeyRig(t)
	for _, name := range []string{"rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256"} {
		r.makeKey(name, body{"type": name})
		public := r.publicKey(name, "1")
		for _, asked := range []body{
			{},
			{"signature_algorithm": "pss", "salt_length": "hash"},
			{"salt_length": json.Number("32")},
			{"signature_algorithm": "pkcs1v15"},
			{"marshaling_algorithm": "jws"},
			{"marshaling_algorithm": "jws", "signature_algorithm": "pkcs1v15", "hash_algorithm": "sha2-256"},
			{"key_version": "0", "algorithm": "sha2-256"},
			{"key_version": 1},
		} {
			got := r.write("sign/"+name, with(asked, body{"input": hello, "reference": "a"})).Data
			require.Equal(t, 1, got["key_version"])
			require.Equal(t, "a", got["reference"])
			require.True(t, isSignature(t, public, got["signature"].(string), asked), "%s %v", name, asked)

			check := with(asked, body{"input": hello, "signature": got["signature"]})
			require.Equal(t, body{"valid": true}, r.write("verify/"+name, check).Data, "%s %v", name, asked)
			require.Equal(t, body{"valid": false}, r.write("verify/"+name, with(check, body{"input": "YnllCg=="})).Data)
		}
	}
	require.Zero(t, r.kms.count(kmsapi.OpAsymmetricVerify))
}

// TestSignAndVerifyAsCosignAsks sends what cosign's hashivault:// sends.
func TestSignAndVerifyAsCosignAsks(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("cosign", body{"type": "ecdsa-p256"})
	digest := base64.StdEncoding.EncodeToString(digestOf("hello"))
	got := r.write("sign/cosign/sha2-256", body{
		"input": digest, "prehashed": true, "key_version": "0", "signature_algorithm": "pkcs1v15",
	}).Data["signature"].(string)
	require.True(t, isSignature(t, r.publicKey("cosign", "1"), got, nil))
	check := body{"input": digest, "prehashed": true, "signature": got, "signature_algorithm": "pkcs1v15"}
	require.Equal(t, true, r.write("verify/cosign//sha2-256", check).Data["valid"])
	require.Equal(t, true, r.write("verify/cosign/sha2-256", check).Data["valid"])
	require.Equal(t, true, r.write("verify/cosign", check).Data["valid"])
}

func TestABatchIsSignedAndVerified(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	signed := resultsOf(t, r.write("sign/a", body{"marshaling_algorithm": "jws", "batch_input": []any{
		body{"input": hello, "reference": "x"}, body{"input": "YnllCg=="},
	}}))
	require.Equal(t, "x", signed[0]["reference"])
	items := []any{
		body{"input": hello, "signature": signed[0]["signature"]},
		body{"input": hello, "signature": signed[1]["signature"], "reference": "y"},
		body{"input": "YnllCg==", "signature": signed[1]["signature"]},
	}
	results := resultsOf(t, r.write("verify/a", body{"marshaling_algorithm": "jws", "batch_input": items}))
	require.Equal(t, []map[string]any{
		{"valid": true, "reference": ""}, {"valid": false, "reference": "y"}, {"valid": true, "reference": ""},
	}, results)
}

func TestAnItemOfABatchThatFailsIsReportedInItsPlace(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	resp := r.write("sign/a", body{"partial_failure_response_code": 207, "batch_input": []any{
		body{"input": hello},
		body{"input": "not base64!", "reference": "bad"},
		body{},
		body{"input": hello, "prehashed": true},
	}})
	require.Equal(t, 207, resp.Data[logical.HTTPStatusCode])
	var answer struct {
		Data struct {
			Results []struct{ Signature, Reference, Error string } `json:"batch_results"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(resp.Data[logical.HTTPRawBody].(string)), &answer))
	results := answer.Data.Results
	require.NotEmpty(t, results[0].Signature)
	require.Contains(t, results[1].Error, "must be standard base64")
	require.Equal(t, "bad", results[1].Reference)
	require.Contains(t, results[2].Error, "input is required")
	require.Contains(t, results[3].Error, `unknown field "prehashed"`)
}

func TestWhatAKeyDoesNotSignIsRefused(t *testing.T) {
	r := newKeyRig(t, "aes")
	r.makeKey("a", body{"type": "ecdsa-p256"})
	r.makeKey("opens", body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt})
	calls := r.kms.total()
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"with a symmetric key":      {"sign/aes", body{"input": hello}, "the type aes256-gcm96, which can't sign"},
		"with a key that decrypts":  {"sign/opens", body{"input": hello}, "key_usage=SIGN/VERIFY"},
		"verify with such a key":    {"verify/opens", body{"input": hello}, "key_usage=SIGN/VERIFY"},
		"another hash in the path":  {"sign/a/sha2-512", body{"input": hello}, "must be sha2-256"},
		"another hash in the body":  {"sign/a/sha2-256", body{"input": hello, "hash_algorithm": "sha1"}, "must be sha2-256"},
		"a digest of another size":  {"sign/a", body{"input": hello, "prehashed": true}, "must be a SHA-256 digest"},
		"a context":                 {"sign/a", body{"input": hello, "context": hello}, "binds no context"},
		"no input":                  {"sign/a", nil, "input is required"},
		"a version that is to come": {"sign/a", body{"input": hello, "key_version": 2}, "no version 2"},
		"a negative version":        {"sign/a", body{"input": hello, "key_version": -1}, "must not be negative"},
		"an HMAC to verify":         {"verify/a", body{"input": hello, "hmac": "vault:v1:QUJD"}, "encryption=envelope"},
		"a CMAC to verify":          {"verify/a", body{"input": hello, "cmac": "vault:v1:QUJD"}, "KMS makes no CMACs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
	require.Equal(t, calls, r.kms.total())
}

func TestSignKeepsTheMeaningOfKMSsErrors(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	r.write("keys/a/disable", nil)
	_, err := r.tryWrite("sign/a", body{"input": hello})
	refused(t, err, 409, "Rejected.Disabled", "kms/keys/a/enable")
	r.fails(kmsapi.OpAsymmetricSign, answered(kmsapi.ErrNoPermission))
	_, err = r.tryWrite("sign/a", body{"input": hello})
	refused(t, err, 403, "kms:AsymmetricSign")
}

func TestAnAnswerForAnotherKeyIsNoSignature(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	entry, err := loadKey(t.Context(), r.storage, "a")
	require.NoError(t, err)
	row := entry.versions.NewestRow()
	for name, answer := range map[string]*kmsapi.AsymmetricSignResponse{
		"another key":     {KeyId: "other", KeyVersionId: row.KeyVersionID, Value: "MAYCAQECAQE="},
		"another version": {KeyId: row.CMK, KeyVersionId: "other", Value: "MAYCAQECAQE="},
		"not base64":      {KeyId: row.CMK, KeyVersionId: row.KeyVersionID, Value: "%"},
		"nothing":         {KeyId: row.CMK, KeyVersionId: row.KeyVersionID},
		"not DER":         {KeyId: row.CMK, KeyVersionId: row.KeyVersionID, Value: "QUJD"},
	} {
		r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) { return answer, nil }
		_, err = r.tryWrite("sign/a", body{"input": hello, "marshaling_algorithm": "jws"})
		refused(t, err, 502, "AsymmetricSign")
		require.NotContains(t, err.Error(), "MAYCAQECAQE", name)
	}
}

func TestSignCostsOneCallAndNoStorage(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	r.write("sign/a", body{"input": hello})
	calls, reads := r.kms.total(), r.storage.total()
	got := r.write("sign/a", body{"input": hello}).Data["signature"]
	require.Equal(t, calls+1, r.kms.total())
	r.write("verify/a", body{"input": hello, "signature": got})
	require.Equal(t, calls+1, r.kms.total())
	require.Equal(t, reads, r.storage.total())
}
