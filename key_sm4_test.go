package alicloudkms

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

var (
	ofSM4 = body{"key_spec": kmsapi.KeySpecSM4}
	// material128 is key material of an SM4 key, and other128 is different material.
	material128 = bytes.Repeat([]byte{7}, 16)
	other128    = bytes.Repeat([]byte{8}, 16)
)

func TestAKeyOfSM4DoesWhatOneOfAESDoes(t *testing.T) {
	r := newSMRig(t)
	made := r.makeKey("a", ofSM4)
	require.Empty(t, made.Warnings)
	require.Equal(t, "aliyun_sm4", made.Data["type"])
	require.Equal(t, kmsapi.KeyUsageEncryptDecrypt, made.Data["key_usage"])
	for _, bound := range []body{
		{}, {"encryption_context": "employee=4711"}, {"context": hello}, {"associated_data": hello},
	} {
		text := r.write("encrypt/a", with(bound, body{"plaintext": hello})).Data["ciphertext"]
		again := r.write("rewrap/a", with(bound, body{"ciphertext": text})).Data["ciphertext"]
		require.NotEqual(t, text, again)
		for _, one := range []any{text, again} {
			require.Equal(t, hello, r.write("decrypt/a", with(bound, body{"ciphertext": one})).Data["plaintext"])
			_, err := r.tryWrite("decrypt/a", with(body{"encryption_context": "x=y"}, body{"ciphertext": one}))
			refused(t, err, 400, "context")
		}
	}
	most := b64(make([]byte, kmsapi.MaxPlaintext))
	require.Equal(t, most, r.decrypt("a", r.encrypt("a", most)))
	key := r.write("datakey/plaintext/a", body{"bits": 128}).Data
	require.Equal(t, key["plaintext"], r.decrypt("a", key["ciphertext"].(string)))
	r.decrypt("a", r.write("datakey/wrapped/a", nil).Data["ciphertext"].(string))
}

func TestOneKeyDoesNotOpenWhatAnotherOfSM4Encrypted(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", ofSM4)
	r.makeKey("b", ofSM4)
	r.makeKey("aes", nil)
	text := r.encrypt("a", hello)
	for _, other := range []string{"b", "aes"} {
		_, err := r.tryWrite("decrypt/"+other, body{"ciphertext": text})
		refused(t, err, 403, "was not made by this key")
	}
}

func TestKeysOfSM4HaveVersions(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", ofSM4)
	var texts []string
	for n, rotation := range []body{nil, {}, {"new_cmk": true}} {
		if rotation != nil {
			r.write("keys/a/rotate", rotation)
		}
		texts = append(texts, r.encrypt("a", hello))
		require.Equal(t, n+1, version(t, texts[n]))
		r.opens("a", texts...)
	}
	require.Equal(t, kmsapi.KeySpecSM4, r.direct().describe(r.keyID("a")).KeySpec)
	r.write("keys/a/config", body{"auto_rotate_period": "168h"})
	require.Equal(t, int64(604800), r.read("keys/a").Data["auto_rotate_period"])
	id := r.direct().makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecSM4})
	require.Empty(t, r.write("keys/b/register", body{"key_id": id, "bound_context": "team=b"}).Warnings)
	r.opens("b", r.encrypt("b", hello))
	_, err := r.tryWrite("keys/b/rotate", body{"key_id": r.direct().makeCMK(&kmsapi.CreateKeyRequest{})})
	refused(t, err, 400, "Aliyun_AES_256")
}

func TestAKeyOfSM4InEnvelopeMode(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", with(ofSM4, body{"encryption": "envelope"}))
	require.Equal(t, "envelope", r.read("keys/a").Data["encryption"])
	large := b64(make([]byte, 100000))
	calls := r.kms.total()
	text := r.encrypt("a", large)
	require.Equal(t, large, r.decrypt("a", text))
	require.LessOrEqual(t, r.kms.total(), calls+1)
	mac := r.hmac("a/sm3", nil)
	require.True(t, r.isMAC("a/sm3", mac, nil))
	r.write("keys/a/rotate", nil)
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))
	require.Equal(t, large, r.decrypt("a", text))

	r.makeKey("b", ofSM4)
	direct := r.encrypt("b", hello)
	r.write("keys/b/config", body{"encryption": "envelope"})
	sealed := r.encrypt("b", hello)
	r.opens("b", direct, sealed)
	r.write("keys/b/config", body{"encryption": "direct"})
	r.opens("b", direct, sealed, r.encrypt("b", hello))
}

func TestMaterialOfSM4IsImportedInAllWays(t *testing.T) {
	r := newSMRig(t)
	require.Empty(t, r.write("keys/a/import", with(r.wrapped(material128), ofSM4)).Warnings)
	r.opens("a", r.encrypt("a", hello))
	r.write("keys/a/import", r.wrapped(material128))
	text := r.encrypt("a", hello)
	for _, algorithm := range []string{
		kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15, kmsapi.WrapSM2PKE,
	} {
		r.remove("keys/a/material", nil)
		r.write("keys/a/import", r.unopened("a", algorithm, material128))
		r.opens("a", text)
		_, err := r.tryWrite("keys/a/import", r.unopened("a", algorithm, other128))
		refused(t, err, 400, "InvalidKeyMaterial")
	}
	require.Equal(t, kmsapi.WrapOAEPSHA256, r.write("keys/a/import_parameters", nil).Data["wrapping_algorithm"])

	r.write("keys/a/import_version", r.wrapped(other128))
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))
	r.opens("a", text, r.encrypt("a", hello))
	require.Equal(t, kmsapi.KeySpecSM4, r.direct().describe(r.keyID("a")).KeySpec)
	r.write("keys/a/config", body{"encryption": "envelope"})
	r.opens("a", text, r.encrypt("a", hello))
}

func TestMaterialOfAESIsWrappedWithSM2Too(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", body{"origin": "EXTERNAL"})
	r.write("keys/a/import", r.unopened("a", kmsapi.WrapSM2PKE, ourMaterial))
	r.opens("a", r.encrypt("a", hello))
}

func TestWhatIsNoMaterialOfSM4IsNotImported(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", with(ofSM4, body{"origin": "EXTERNAL"}))
	calls := r.kms.count(kmsapi.OpImportKeyMaterial)
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"material of AES":      {"keys/a/import", r.wrapped(ourMaterial), "25 to 32 bytes, and KMS takes exactly 16"},
		"of a new key":         {"keys/new/import", with(r.wrapped(ourMaterial), ofSM4), "KMS takes exactly 16"},
		"without its key_spec": {"keys/new/import", r.wrapped(material128), "KMS takes exactly 32"},
		"for another type": {
			"keys/a/import", with(r.wrapped(ourMaterial), body{"type": "aes256-gcm96"}), "is of the type aliyun_sm4",
		},
		"what is not encrypted": {
			"keys/a/import",
			body{"encrypted_key_material": b64(material128), "import_token": "x"},
			"16 bytes, which is the size of the key material itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
	require.Equal(t, calls, r.kms.count(kmsapi.OpImportKeyMaterial))
}

func TestWhatAKeyOfSM4DoesNotDoIsRefused(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("a", ofSM4)
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"to sign": {"sign/a", body{"input": hello}, "the type aliyun_sm4, which can't sign"},
		"to verify": {
			"verify/a", body{"input": hello, "signature": "vault:v1:QUJD"}, "the type aliyun_sm4, which can't sign",
		},
		"a signing key of it": {
			"keys/b", with(ofSM4, body{"key_usage": kmsapi.KeyUsageSignVerify}), "must be ENCRYPT/DECRYPT",
		},
		"a type besides":         {"keys/b", with(ofSM4, body{"type": "aes256-gcm96"}), "not both"},
		"an HMAC in direct mode": {"hmac/a", body{"input": hello}, "encryption=envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
	resp := r.write("encrypt/a", body{"plaintext": hello, "padding_scheme": "oaep"})
	require.Contains(t, resp.Warnings[0], "does not apply to a key of the type aliyun_sm4")
}

func TestSMOverADedicatedGateway(t *testing.T) {
	r, service, config := newGatewayRig(t, func(c *server.Config) { c.SM = true })
	r.write("config", config)
	r.makeKey("signs", onSM2)
	r.makeKey("encrypts", ofSM4)
	require.Equal(t, service.Instance.ID, r.read("keys/signs").Data["kms_instance_id"])
	require.True(t, r.isValid("signs", r.sign("signs", nil)))
	r.opens("encrypts", r.encrypt("encrypts", hello))
}
