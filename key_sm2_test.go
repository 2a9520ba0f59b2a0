package alicloudkms

import (
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var onSM2 = body{"key_spec": kmsapi.KeySpecSM2}

func derOfPEM(t *testing.T, encoded string) []byte {
	t.Helper()
	block, rest := pem.Decode([]byte(encoded))
	require.Empty(t, rest)
	return block.Bytes
}

// digestOnSM2 returns the digest of "hello" that a version signs.
func (r *rig) digestOnSM2(name, version string) []byte {
	r.t.Helper()
	shown := r.publicKeys(name)[version].(map[string]any)
	public, ok := sm2.ParsePublicKeyPEM(shown["public_key"].(string))
	require.True(r.t, ok)
	return public.Digest(signing.NewSM3(), []byte("hello"))
}

func TestSignaturesOnSM2AreRight(t *testing.T) {
	r := newSMRig(t)
	made := r.makeKey("a", onSM2)
	require.Empty(t, made.Warnings)
	require.Equal(t, "ec_sm2", made.Data["type"])
	require.Equal(t, kmsapi.KeyUsageSignVerify, made.Data["key_usage"])
	public, digest := r.publicOnSM2("a", "1"), r.digestOnSM2("a", "1")
	for _, asked := range []body{
		{},
		{"hash_algorithm": "sm3"},
		{"signature_algorithm": "pkcs1v15", "salt_length": "20"},
		{"prehashed": true, "input": b64(digest)},
		{"marshaling_algorithm": "jws", "key_version": 1},
	} {
		got := r.write("sign/a", with(body{"input": hello}, asked)).Data
		require.Equal(t, 1, got["key_version"])
		form := signing.Parameters{Marshaling: fieldOr(asked, "marshaling_algorithm")}
		scheme, err := form.Scheme(kmsapi.KeySpecSM2)
		require.NoError(t, err)
		_, encoded, err := versions.Split(got["signature"].(string))
		require.NoError(t, err)
		signature, err := scheme.Decode(encoded)
		require.NoError(t, err)
		require.True(t, public.Verify(digest, signature), "%v", asked)

		check := with(body{"input": hello}, with(asked, body{"signature": got["signature"]}))
		require.Equal(t, body{"valid": true}, r.write("verify/a", check).Data, "%v", asked)
		check["input"] = b64(slices.Concat(digest[1:], digest[:1]))
		require.Equal(t, body{"valid": false}, r.write("verify/a", check).Data, "%v", asked)
	}
	require.Equal(t, true, r.write("verify/a/sm3", body{"input": hello, "signature": r.sign("a/sm3", nil)}).Data["valid"])
}

func fieldOr(fields body, name string) string {
	value, _ := fields[name].(string)
	return value
}

func TestABatchIsSignedOnSM2(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", onSM2)
	signed := resultsOf(t, r.write("sign/a", body{"marshaling_algorithm": "jws", "batch_input": []any{
		body{"input": hello, "reference": "x"}, body{"input": ""}, body{"input": b64(make([]byte, 100000))},
	}}))
	require.Len(t, signed, 3)
	results := resultsOf(t, r.write("verify/a", body{"marshaling_algorithm": "jws", "batch_input": []any{
		body{"input": hello, "signature": signed[0]["signature"], "reference": "x"},
		body{"input": "", "signature": signed[1]["signature"]},
		body{"input": "", "signature": signed[2]["signature"]},
	}}))
	require.Equal(t, []map[string]any{
		{"valid": true, "reference": "x"}, {"valid": true, "reference": ""}, {"valid": false, "reference": ""},
	}, results)
}

func TestSignaturesOfOpenSSLOnSM2AreRight(t *testing.T) {
	r := newSMRig(t)
	r.pairOnSM2("a", nil)
	require.Equal(t, string(ofOpenSSL(t, "sm2.pub.pem")),
		r.read("export/public-key/a/latest").Data["keys"].(map[string]any)["1"])
	check := body{
		"input": b64(ofOpenSSL(t, "message.bin")), "signature": "vault:v1:" + b64(ofOpenSSL(t, "sm2.sm2dsa.sig")),
	}
	require.Equal(t, true, r.write("verify/a", check).Data["valid"])
	check["prehashed"], check["input"] = true, b64(ofOpenSSL(t, "sm2.digest-sm3-za-m.bin"))
	require.Equal(t, true, r.write("verify/a", check).Data["valid"])
}

// newSM2Rig makes an engine with the key "a", which encrypts with a key pair made by OpenSSL.
func newSM2Rig(t *testing.T) *rig {
	r := newSMRig(t)
	r.pairOnSM2("a", body{"key_usage": kmsapi.KeyUsageEncryptDecrypt})
	return r
}

func TestAKeyOnSM2EncryptsAndDecrypts(t *testing.T) {
	r := newSM2Rig(t)
	for _, size := range []int{1, 190, kmsapi.MaxSM2Plaintext} {
		plaintext := b64(make([]byte, size))
		text := r.encrypt("a", plaintext)
		require.Equal(t, plaintext, r.decrypt("a", text))
		again := r.write("rewrap/a", body{"ciphertext": text}).Data["ciphertext"].(string)
		require.NotEqual(t, text, again)
		require.Equal(t, plaintext, r.decrypt("a", again))
	}
	calls := r.kms.total()
	for _, size := range []int{0, kmsapi.MaxSM2Plaintext + 1} {
		_, err := r.tryWrite("encrypt/a", body{"plaintext": b64(make([]byte, size))})
		refused(t, err, 400, "encrypts 1 to 6047")
	}
	require.Equal(t, calls, r.kms.total())
}

func TestCiphertextsOfOpenSSLOnSM2Open(t *testing.T) {
	r := newSM2Rig(t)
	for _, form := range []string{"sm2.sm2pke.asn1.enc", "sm2.sm2pke.c1c3c2.enc"} {
		text := "vault:v1:" + b64(ofOpenSSL(t, form))
		require.Equal(t, b64(ofOpenSSL(t, "plaintext.bin")), r.decrypt("a", text), form)
		again := r.write("rewrap/a", body{"ciphertext": text}).Data["ciphertext"].(string)
		require.Equal(t, b64(ofOpenSSL(t, "plaintext.bin")), r.decrypt("a", again), form)
	}
}

func TestAPaddingMeansNothingToAKeyOnSM2(t *testing.T) {
	r := newSM2Rig(t)
	for _, padding := range []string{"oaep", "pkcs1v15"} {
		resp := r.write("encrypt/a", body{"plaintext": hello, "padding_scheme": padding})
		require.Contains(t, resp.Warnings[0], "does not apply to a key of the type ec_sm2: padding_scheme")
		resp = r.write("decrypt/a", body{"ciphertext": resp.Data["ciphertext"], "padding_scheme": padding})
		require.Contains(t, resp.Warnings[0], "does not apply to a key of the type ec_sm2: padding_scheme")
	}
}

func TestWhatAKeyOnSM2DoesNotDoIsRefused(t *testing.T) {
	r := newSM2Rig(t)
	r.makeKey("signs", onSM2)
	text := r.encrypt("a", hello)
	bare := strings.TrimPrefix(text, "vault:v1:")
	calls := r.kms.total()
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"another hash":              {"sign/signs", body{"input": hello, "hash_algorithm": "sha2-256"}, "must be sm3"},
		"another hash in the path":  {"sign/signs/sha2-256", body{"input": hello}, "must be sm3"},
		"another hash to verify":    {"verify/signs/sha2-256", body{"input": hello, "signature": text}, "must be sm3"},
		"data in place of a digest": {"sign/signs", body{"input": hello, "prehashed": true}, "must be SM3(Z || data), of 32"},
		"to sign with one that encrypts": {
			"sign/a", body{"input": hello}, "to sign, make a key with key_usage=SIGN/VERIFY",
		},
		"to encrypt with one that signs": {"encrypt/signs", body{"plaintext": hello}, "the key signs and verifies"},
		"a context":                      {"encrypt/a", body{"plaintext": hello, "context": hello}, "can't be used"},
		"a bare blob":                    {"decrypt/a", body{"ciphertext": bare}, "must begin with vault:v"},
		"a data key":                     {"datakey/plaintext/a", nil, "needs a symmetric key"},
		"an HMAC":                        {"hmac/a", body{"input": hello}, "needs a symmetric key"},
		"envelope mode":                  {"keys/a/config", body{"encryption": "envelope"}, "key pair"},
		"a derived key":                  {"keys/b", with(onSM2, body{"derived": true}), `"derived" can't be used`},
		"another usage":                  {"keys/b", with(onSM2, body{"key_usage": "ANY"}), "SIGN/VERIFY or ENCRYPT/DECRYPT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
	require.Equal(t, calls, r.kms.total())
	raw, err := base64.StdEncoding.DecodeString(bare)
	require.NoError(t, err)
	for _, at := range []int{0, 40, 70, len(raw) - 1} {
		raw[at] ^= 1
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": "vault:v1:" + b64(raw)})
		refused(t, err, 400, "AsymmetricDecrypt", "The ciphertext was altered")
		raw[at] ^= 1
	}
	_, err = r.tryWrite("keys/other/register", body{"key_id": r.keyID("a")})
	refused(t, err, 409, "can't be kept apart")
}

func TestKeysOnSM2HaveVersions(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", onSM2)
	var signatures []string
	for n, rotation := range []body{nil, {}, {"new_cmk": true}} {
		if rotation != nil {
			r.write("keys/a/rotate", rotation)
		}
		signatures = append(signatures, r.sign("a", nil))
		require.Equal(t, n+1, version(t, signatures[n]))
		for _, one := range signatures {
			require.True(t, r.isValid("a", one))
		}
	}
	require.Equal(t, kmsapi.KeySpecSM2, r.direct().describe(r.keyID("a")).KeySpec)
	require.True(t, r.isValid("a", r.sign("a", body{"key_version": 2})))
	other := "vault:v1:" + strings.TrimPrefix(signatures[1], "vault:v2:")
	require.False(t, r.isValid("a", other), "the number chooses the version, whose public key is signed")

	id := r.direct().makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecSM2})
	require.Empty(t, r.write("keys/b/register", body{"key_id": id}).Warnings)
	require.True(t, r.isValid("b", r.sign("b", nil)))
}

func TestAKeyOnSM2WhosePublicKeyIsNotKnownSignsDigestsOnly(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", onSM2)
	digest := r.digestOnSM2("a", "1")
	r.changeEntry("a", func(e *keyEntry) { e.versions.Rows[0].PublicKey = "" })
	_, err := r.tryWrite("sign/a", body{"input": hello})
	refused(t, err, 409, "kms:GetPublicKey")
	signature := r.sign("a", body{"input": b64(digest), "prehashed": true})
	check := body{"input": b64(digest), "prehashed": true, "signature": signature}
	require.Equal(t, true, r.write("verify/a", check).Data["valid"])
}

func TestAPrivateKeyOnSM2DoesNotPassVault(t *testing.T) {
	r := newSM2Rig(t)
	private := ofOpenSSL(t, "sm2.pkcs8.der")
	calls := r.kms.total()
	_, err := r.tryWrite("keys/new/import", with(r.wrapped(private), onSM2))
	refused(t, err, 400, "KMS accepts it only encrypted with SM2", "alicloudkms wrap", "import_parameters")
	_, err = r.tryWrite("keys/a/import", r.wrapped(private))
	refused(t, err, 400, "KMS accepts it only encrypted with SM2")
	_, err = r.tryWrite("keys/a/import_version", r.wrapped(private))
	refused(t, err, 400, "KMS accepts it only encrypted with SM2", "rotate to that with key_id")
	_, err = r.tryWrite("keys/new/import", with(r.wrapped(private), body{"type": "ecdsa-p256"}))
	refused(t, err, 400, "of the type ec_sm2, and the key is of the type ecdsa-p256")
	for _, bare := range [][]byte{private, ofOpenSSL(t, "prime256v1.pkcs8.der")} {
		_, err = r.tryWrite("keys/a/import", body{"encrypted_key_material": b64(bare), "import_token": "dG9rZW4="})
		refused(t, err, 400, "is DER, as a private key is")
		require.NotContains(t, err.Error(), b64(bare)[:20])
	}
	require.Equal(t, calls, r.kms.total())
}

func TestImportParametersOfAKeyOnSM2(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", with(onSM2, body{"origin": "EXTERNAL"}))
	got := r.write("keys/a/import_parameters", nil).Data
	require.Equal(t, kmsapi.WrapSM2KeyPair, got["wrapping_algorithm"])
	require.Equal(t, got["public_key_der"], b64(derOfPEM(t, got["public_key"].(string))))
	_, err := r.tryWrite("keys/a/import_parameters", body{"wrapping_algorithm": kmsapi.WrapOAEPSHA256})
	refused(t, err, 400, "must be SM2PKE_SM4_ECB for a key of the type ec_sm2")
	fields := r.unopened("a", kmsapi.WrapSM2KeyPair, ofOpenSSL(t, "sm2.pkcs8.der"))
	r.write("keys/a/import", fields)
	r.write("keys/a/import", fields)
	require.True(t, r.isValid("a", r.sign("a", nil)))
	require.Empty(t, r.read("keys/a").Warnings)

	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		return &kmsapi.GetParametersForImportResponse{
			KeyId: r.keyID("a"), ImportToken: "t", PublicKey: b64(derOfPEM(t, string(ofOpenSSL(t, "prime256v1.pub.pem")))),
		}, nil
	}
	_, err = r.tryWrite("keys/a/import_parameters", nil)
	refused(t, err, 502, "not a public key on SM2")
}

func TestAnotherPrivateKeyOnSM2BecomesTheNextVersion(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", onSM2)
	old := r.sign("a", nil)
	r.pairOnSM2("next", nil)
	id := r.keyID("next")
	r.write("keys/next/deregister", nil)
	r.write("keys/a/rotate", body{"key_id": id})
	require.Equal(t, 2, version(t, r.sign("a", nil)))
	require.True(t, r.isValid("a", old))
	require.True(t, r.isValid("a", r.sign("a", nil)))
}
