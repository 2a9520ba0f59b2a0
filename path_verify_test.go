package alicloudkms

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// changeEntry changes the stored entry of a key.
func (r *rig) changeEntry(name string, change func(*keyEntry)) {
	r.t.Helper()
	entry, err := loadKey(r.t.Context(), r.storage, name)
	require.NoError(r.t, err)
	change(entry)
	require.NoError(r.t, r.backend().storeKey(r.t.Context(), r.storage, name, entry))
}

// newVersion gives a key another version.
func (r *rig) newVersion(name string) {
	r.t.Helper()
	r.write("keys/"+name+"/rotate", nil)
}

// publicKeys returns the versions of a key as a read shows them.
func (r *rig) publicKeys(name string) map[string]any {
	r.t.Helper()
	return r.read("keys/" + name).Data["keys"].(map[string]any)
}

// sign returns a signature of "hello".
func (r *rig) sign(key string, asked body) string {
	r.t.Helper()
	return r.write("sign/"+key, with(body{"input": hello}, asked)).Data["signature"].(string)
}

// isValid asks the engine whether a signature is one of "hello".
func (r *rig) isValid(key, signature string) bool {
	r.t.Helper()
	return r.write("verify/"+key, body{"input": hello, "signature": signature}).Data["valid"].(bool)
}

func TestVerifyAsksKMSNothing(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "rsa-2048"})
	signature := r.sign("a", nil)
	r.write("keys/a/config", body{"deletion_allowed": true})
	for _, change := range []func(){
		func() { r.write("keys/a/disable", nil) },
		func() { r.remove("keys/a", body{"pending_window_in_days": 7}) },
		func() { r.kms.service().Advance(8 * 24 * time.Hour) },
	} {
		change()
		calls := r.kms.total()
		require.True(t, r.isValid("a", signature))
		require.Contains(t, r.read("export/public-key/a/latest").Data["keys"], "1")
		require.Equal(t, calls, r.kms.total())
		require.Contains(t, r.publicKeys("a"), "1")
	}
	_, err := r.tryWrite("sign/a", body{"input": hello})
	refused(t, err, 404)
	r.later(factsAge)
	require.Contains(t, r.read("keys/a").Warnings[0], "Forbidden.KeyNotFound")
	require.Contains(t, r.publicKeys("a"), "1")
}

func TestAnythingButTheSignatureIsNotValid(t *testing.T) {
	r := newKeyRig(t)
	for _, name := range []string{"a", "b"} {
		r.makeKey(name, body{"type": "ecdsa-p256"})
	}
	r.makeKey("rsa", body{"type": "rsa-2048"})
	signature := r.sign("a", nil)
	require.True(t, r.isValid("a", signature))
	require.False(t, r.isValid("b", signature))
	require.False(t, r.isValid("rsa", signature))
	der, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "vault:v1:"))
	require.NoError(t, err)
	for i := range der {
		der[i] ^= 1
		require.False(t, r.isValid("a", "vault:v1:"+base64.StdEncoding.EncodeToString(der)), "byte %d", i)
		der[i] ^= 1
	}
	for _, wrong := range [][]byte{der[1:], append(der, 0), {0}, make([]byte, 64)} {
		require.False(t, r.isValid("a", "vault:v1:"+base64.StdEncoding.EncodeToString(wrong)))
	}
	pkcs := r.sign("rsa", body{"signature_algorithm": "pkcs1v15"})
	require.False(t, r.isValid("rsa", pkcs), "the default is pss")
}

func TestASignatureMustNameItsVersion(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	made := strings.TrimPrefix(r.sign("a", nil), "vault:v1:")
	for text, says := range map[string]string{
		made:                        "must begin with vault:v",
		"vault:v0:" + made:          "malformed",
		"vault:v01:" + made:         "malformed",
		"vault:v-1:" + made:         "malformed",
		"vault:V1:" + made:          "malformed",
		"other:v1:" + made:          "malformed",
		"vault:v1:vault:v1:" + made: "malformed",
		"vault:v2:" + made:          "no version 2",
		"vault:v" + strings.Repeat("9", 40) + ":" + made: "no version",
		"vault:v1:":            "signature is required",
		"":                     "signature is required",
		"vault:v1:" + made[1:]: "must be base64",
		"vault:v1:" + "__8=":   "marshaling_algorithm=jws",
	} {
		_, err := r.tryWrite("verify/a", body{"input": hello, "signature": text})
		refused(t, err, 400, says)
	}
}

func TestVersionsThatTheKeyNoLongerTakes(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	old := r.sign("a", nil)
	r.newVersion("a")
	require.True(t, strings.HasPrefix(r.sign("a", nil), "vault:v2:"))
	require.True(t, strings.HasPrefix(r.sign("a", body{"key_version": 1}), "vault:v1:"))
	require.True(t, r.isValid("a", old))
	require.False(t, r.isValid("a", strings.Replace(old, "v1", "v2", 1)), "the number chooses the key that is tried")
	require.NotEqual(t, r.publicKey("a", "1"), r.publicKey("a", "2"))

	r.changeEntry("a", func(e *keyEntry) { e.MinEncryption = 2 })
	_, err := r.tryWrite("sign/a", body{"input": hello, "key_version": 1})
	refused(t, err, 400, "min_encryption_version")
	require.True(t, r.isValid("a", old))
	r.changeEntry("a", func(e *keyEntry) { e.MinDecryption = 2 })
	_, err = r.tryWrite("verify/a", body{"input": hello, "signature": old})
	refused(t, err, 400, "min_decryption_version")
}

func TestKMSChecksWhatTheStandardLibraryCannot(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"key_spec": kmsapi.KeySpecP256K})
	for _, form := range []string{"asn1", "jws"} {
		signature := r.sign("a", body{"marshaling_algorithm": form})
		check := body{"input": hello, "signature": signature, "marshaling_algorithm": form}
		require.Equal(t, true, r.write("verify/a", check).Data["valid"])
		check["input"] = "YnllCg=="
		require.Equal(t, false, r.write("verify/a", check).Data["valid"])
	}
	require.Equal(t, 4, r.kms.count(kmsapi.OpAsymmetricVerify))
	check := body{"input": hello, "signature": "vault:v1:QUJD", "marshaling_algorithm": "jws"}
	require.Equal(t, false, r.write("verify/a", check).Data["valid"])
	require.Equal(t, 4, r.kms.count(kmsapi.OpAsymmetricVerify), "it can't be a signature")
	r.fails(kmsapi.OpAsymmetricVerify, answered(kmsapi.ErrRejectedDisabled))
	_, err := r.tryWrite("verify/a", body{"input": hello, "signature": r.sign("a", nil)})
	refused(t, err, 409, "kms/keys/a/enable")
}

func TestWhatIsNoSignatureOfACurveIsNotSentToKMS(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"key_spec": kmsapi.KeySpecP256K})
	der, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.sign("a", nil), "vault:v1:"))
	require.NoError(t, err)
	for name, signature := range map[string][]byte{
		"with a byte after it":       append(slices.Clone(der), 0),
		"without its last byte":      der[:len(der)-1],
		"a number":                   {2, 1, 1},
		"a mebibyte of nothing":      make([]byte, 1<<20),
		"with a length in long form": append([]byte{0x30, 0x81, der[1]}, der[2:]...),
	} {
		require.False(t, r.isValid("a", "vault:v1:"+base64.StdEncoding.EncodeToString(signature)), name)
	}
	require.Zero(t, r.kms.count(kmsapi.OpAsymmetricVerify))
}
