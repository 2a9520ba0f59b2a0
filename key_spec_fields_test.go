package alicloudkms

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestTypesOfKeys(t *testing.T) {
	r := newKeyRig(t)
	for name, c := range map[string]struct {
		asked       body
		spec, usage string
		keyType     string
	}{
		"nothing":      {nil, kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt, "aes256-gcm96"},
		"aes256-gcm96": {body{"type": "aes256-gcm96"}, kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt, "aes256-gcm96"},
		"rsa-2048":     {body{"type": "rsa-2048"}, kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify, "rsa-2048"},
		"rsa-3072 to decrypt": {
			body{"type": "rsa-3072", "key_usage": "ENCRYPT/DECRYPT"},
			kmsapi.KeySpecRSA3072, kmsapi.KeyUsageEncryptDecrypt, "rsa-3072",
		},
		"rsa-4096":   {body{"type": "rsa-4096"}, kmsapi.KeySpecRSA4096, kmsapi.KeyUsageSignVerify, "rsa-4096"},
		"ecdsa-p256": {body{"type": "ecdsa-p256"}, kmsapi.KeySpecP256, kmsapi.KeyUsageSignVerify, "ecdsa-p256"},
		"a KeySpec":  {body{"key_spec": "EC_P256K"}, kmsapi.KeySpecP256K, kmsapi.KeyUsageSignVerify, "ec_p256k"},
		"a KeySpec too": {
			body{"key_spec": "RSA_2048", "type": "rsa-2048"}, kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify, "rsa-2048",
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := r.makeKey("a", c.asked)
			require.Empty(t, made.Warnings)
			for _, data := range []body{made.Data, r.read("keys/a").Data} {
				require.Equal(t, c.spec, data["key_spec"])
				require.Equal(t, c.usage, data["key_usage"])
				require.Equal(t, c.keyType, data["type"])
				opens := c.usage == kmsapi.KeyUsageEncryptDecrypt
				require.Equal(t, opens, data["supports_encryption"])
				require.Equal(t, opens, data["supports_decryption"])
				require.Equal(t, !opens, data["supports_signing"])
			}
			r.write("keys/a/deregister", nil)
		})
	}
}

func TestKeyPairsAreShownAsTransitDoes(t *testing.T) {
	r := newKeyRig(t)
	for keyType, name := range map[string]string{"ecdsa-p256": "P-256", "rsa-2048": "rsa-2048"} {
		r.makeKey(keyType, body{"type": keyType})
		shown := r.read("keys/" + keyType).Data
		require.Equal(t, 1, shown["latest_version"])
		version := shown["keys"].(map[string]any)["1"].(map[string]any)
		require.Equal(t, name, version["name"])
		require.Contains(t, version["public_key"], "-----BEGIN PUBLIC KEY-----\n")
		made, err := time.Parse(time.RFC3339, version["creation_time"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), made, time.Minute)
	}
}

func TestSymmetricTypesThatKMSDoesNotHaveAreTakenAsAES256(t *testing.T) {
	r := newKeyRig(t)
	for _, name := range []string{"aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"} {
		made := r.makeKey(name, body{"type": name})
		require.Len(t, made.Warnings, 1)
		require.Contains(t, made.Warnings[0], name)
		require.Equal(t, "aes256-gcm96", r.read("keys/" + name).Data["type"])
	}
}

func TestKeysThatKMSDoesNotHaveAreRefused(t *testing.T) {
	r := newKeyRig(t)
	calls := r.kms.total()
	for _, name := range []string{
		"ed25519", "ecdsa-p384", "ecdsa-p521", "hmac", "aes128-cmac", "aes256-cmac", "managed_key", "ml-dsa", "RSA-2048",
	} {
		_, err := r.tryWrite("keys/a", body{"type": name})
		refused(t, err, 400, "KMS has no keys of that type", "ecdsa-p256")
	}
	for says, fields := range map[string]body{
		"key_spec must be one of Aliyun_AES_256": {"key_spec": "RSA_1024"},
		"can't be used: KMS binds nothing":       {"type": "rsa-2048", "derived": true},
		"not both":                               {"key_spec": "RSA_4096", "type": "rsa-2048"},
		"must be SIGN/VERIFY for":                {"type": "ecdsa-p256", "key_usage": "ENCRYPT/DECRYPT"},
		"must be ENCRYPT/DECRYPT for":            {"key_usage": "SIGN/VERIFY"},
		"must be SIGN/VERIFY or ENCRYPT/DECRYPT": {"type": "rsa-2048", "key_usage": "sign"},
	} {
		_, err := r.tryWrite("keys/a", fields)
		refused(t, err, 400, says)
	}
	require.Equal(t, calls, r.kms.total())
	_, err := r.tryWrite("keys/a", body{"key_spec": "Aliyun_SM4"})
	refused(t, err, 400, "CreateKey", "UnsupportedOperation")
}

func TestAKeyPairIsFoundAgainAfterALostAnswer(t *testing.T) {
	r := newKeyRig(t)
	for _, op := range []kmsapi.Operation{kmsapi.OpCreateKey, kmsapi.OpListKeyVersions, kmsapi.OpGetPublicKey} {
		name := string(op)
		lost := r.loses(op)
		resp, err := r.tryWrite("keys/"+name, body{"type": "ecdsa-p256"})
		require.True(t, *lost)
		if op == kmsapi.OpCreateKey {
			require.Error(t, err)
			resp = r.write("keys/"+name, body{"type": "ecdsa-p256"})
			require.Contains(t, resp.Warnings[0], "was interrupted")
		} else {
			require.NoError(t, err)
			require.Contains(t, resp.Warnings[0], "public key is not known yet")
			_, err = r.tryWrite("sign/"+name, body{"input": hello})
			refused(t, err, 409, "kms:ListKeyVersions and kms:GetPublicKey")
			r.write("keys/"+name+"/config", body{"deletion_allowed": false})
		}
		require.True(t, r.isValid(name, r.sign(name, nil)))
	}
	require.Equal(t, 3, r.kms.count(kmsapi.OpCreateKey))
}

// loses drops the next answer of an operation. The result is set once that has happened.
func (r *rig) loses(op kmsapi.Operation) *bool {
	lost := new(bool)
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() != op || *lost {
			return nil
		}
		*lost = true
		return errors.New("the answer was lost")
	}
	return lost
}

func TestKeyPairsBindNothing(t *testing.T) {
	r := newRSARig(t)
	r.makeKey("signs", body{"type": "ecdsa-p256"})
	for _, name := range []string{"a", "signs"} {
		_, err := r.tryWrite("keys/"+name+"/config", body{"bound_context": "team=a"})
		refused(t, err, 400, "bound_context", "KMS binds nothing")
		_, err = r.tryWrite("keys/other/register", body{"key_id": r.keyID(name), "bound_context": "team=a"})
		refused(t, err, 400, "bound_context", "KMS binds nothing")
	}
}

func TestOnlyKeysThatSignMayShareAKeyPair(t *testing.T) {
	r := newRSARig(t)
	r.makeKey("signs", body{"type": "ecdsa-p256"})
	shared := r.write("keys/too/register", body{"key_id": r.keyID("signs")})
	require.Equal(t, "ecdsa-p256", shared.Data["type"])
	require.True(t, r.isValid("signs", r.sign("too", nil)))
	_, err := r.tryWrite("keys/other/register", body{"key_id": r.keyID("a")})
	refused(t, err, 409, `"a"`, "can't be kept apart")
	r.makeKey("second", body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt})
	_, err = r.tryWrite("keys/second/rotate", body{"key_id": r.keyID("a")})
	refused(t, err, 409, `"a"`, "can't be kept apart")
	entry, err := loadKey(t.Context(), r.storage, "other")
	require.NoError(t, err)
	require.Nil(t, entry)
	again := r.write("keys/a/register", body{"key_id": r.keyID("a")})
	require.Contains(t, again.Warnings[0], "already registered")
}

func TestANameKeepsNoBindingWithAKeyPair(t *testing.T) {
	for field, bind := range map[string]func(r *rig){
		"derived": func(r *rig) { r.makeKey("a", body{"derived": true}) },
		"bound_context": func(r *rig) {
			r.makeKey("a", nil)
			r.write("keys/a/config", body{"bound_context": "team=a"})
		},
	} {
		r := newKeyRig(t)
		bind(r)
		r.write("keys/a/config", body{"deletion_allowed": true})
		r.remove("keys/a", body{"pending_window_in_days": 7})
		_, err := r.tryWrite("keys/a", body{"type": "ecdsa-p256", "recreate": true})
		refused(t, err, 400, field, "KMS binds nothing")
		require.Equal(t, 1, r.kms.count(kmsapi.OpCreateKey))
	}
}

// TestAKeyIsMadeAndReadAsSPIREAsks sends what SPIRE's KeyManager sends.
func TestAKeyIsMadeAndReadAsSPIREAsks(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("spire", body{"type": "ecdsa-p256", "exportable": false, "auto_rotate_period": 0})
	shown := r.read("keys/spire").Data
	require.Equal(t, "ecdsa-p256", shown["type"])
	require.Equal(t, 1, shown["latest_version"])
	got := r.write("sign/spire/sha2-256", body{
		"input": b64(digestOf("hello")), "prehashed": "true", "marshaling_algorithm": "asn1",
	}).Data["signature"].(string)
	require.True(t, isSignature(t, r.publicKey("spire", "1"), got, nil))
	_, err := r.tryWrite("keys/other", body{"type": "ecdsa-p256", "auto_rotate_period": "720h"})
	refused(t, err, 400)
	_, err = r.tryWrite("keys/spire/config", body{"auto_rotate_period": "720h"})
	refused(t, err, 400)
}
