package alicloudkms

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var (
	ourMaterial   = bytes.Repeat([]byte{7}, kmsapi.KeyMaterialSize)
	otherMaterial = bytes.Repeat([]byte{8}, kmsapi.KeyMaterialSize)
)

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func rsaOf(bits int) (pkcs8 []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// wrapped returns the fields with which transit's client imports material.
func (r *rig) wrapped(material []byte) map[string]any {
	r.t.Helper()
	return body{"ciphertext": b64(keywraptest.Wrapping{}.Wrap(r.t, r.haveWrappingKey(), material))}
}

// unopened returns the fields that pass wrapped material through to KMS, with import parameters of the key called name.
func (r *rig) unopened(name, algorithm string, material []byte) map[string]any {
	r.t.Helper()
	got := r.write("keys/"+name+"/import_parameters", body{"wrapping_algorithm": algorithm}).Data
	der, err := base64.StdEncoding.DecodeString(got["public_key_der"].(string))
	require.NoError(r.t, err)
	require.Equal(r.t, got["public_key"], pemOf(der))
	return body{"encrypted_key_material": wrapFor(r.t, algorithm, der, material), "import_token": got["import_token"]}
}

// wrapFor encrypts material with a public key of KMS.
func wrapFor(t *testing.T, algorithm string, der, material []byte) string {
	t.Helper()
	if kmsapi.WrappingKeySpec(algorithm) == kmsapi.WrappingKeySpecSM2 {
		return wrapWithSM2(t, algorithm, der, material)
	}
	key, err := client.ParseImportKey(der)
	require.NoError(t, err)
	encrypted, err := client.WrapKeyMaterial(algorithm, key, material)
	require.NoError(t, err)
	return encrypted
}

func (r *rig) keyState(name string) any {
	r.t.Helper()
	return r.read("keys/" + name).Data["key_state"]
}

func TestTransitsImportMakesTheKey(t *testing.T) {
	r := newKeyRig(t)
	expires := time.Now().Add(48 * time.Hour)
	data := with(r.wrapped(ourMaterial), body{
		"description": "Löhne", "protection_level": "HSM", "expire_time": expires.Format(time.RFC3339),
		"type": "aes256-gcm96", "allow_rotation": false, "exportable": false,
	})
	resp := r.write("keys/mine/import", data)
	when := expires.UTC().Format(kmsapi.TimeFormat)
	require.Equal(t, body{
		"name": "mine", "key_id": r.keyID("mine"), "region": "cn-hangzhou",
		"material_expire_time": when,
	}, resp.Data)
	found := r.read("keys/mine").Data
	for name, want := range map[string]any{
		"origin": "EXTERNAL", "key_state": "Enabled", "description": "Löhne", "protection_level": "HSM",
		"material_expire_time": when,
	} {
		require.Equal(t, want, found[name], name)
	}
	require.Equal(t, hello, r.write("decrypt/mine", body{"ciphertext": r.encrypt("mine", hello)}).Data["plaintext"])
	require.Len(t, r.cmks(), 1)
}

func TestEveryHashFunctionOfTransitWorks(t *testing.T) {
	r := newKeyRig(t)
	key := r.haveWrappingKey()
	for _, name := range keywrap.HashNames() {
		for _, spelled := range []string{name, strings.ToLower(name)} {
			r.write("keys/mine/import",
				body{
					"ciphertext":    b64(keywraptest.Wrapping{Hash: keywrap.HashNamed(name)}.Wrap(t, key, ourMaterial)),
					"hash_function": spelled,
				})
		}
	}
	v, _ := keywraptest.Read(t)
	r.write("keys/other/import", body{"ciphertext": b64(v.Ciphertexts["SHA384"]), "hash_function": "SHA384"})
	require.Len(t, r.cmks(), 2)
}

func TestPassThroughImportsWhatVaultCannotOpen(t *testing.T) {
	for _, algorithm := range []string{kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15} {
		t.Run(algorithm, func(t *testing.T) {
			r := newKeyRig(t)
			r.write("keys/mine", body{"origin": "EXTERNAL"})
			data := r.unopened("mine", algorithm, ourMaterial)
			// Files have line breaks at the end, and may have some within.
			whole := data["encrypted_key_material"].(string)
			data["encrypted_key_material"] = whole[:64] + "\n" + whole[64:] + "\r\n"
			data["import_token"] = data["import_token"].(string) + "\n"
			resp := r.write("keys/mine/import", data)
			require.Empty(t, resp.Data["material_expire_time"])
			require.Empty(t, resp.Warnings)
			require.Equal(t, "Enabled", r.keyState("mine"))
			r.encrypt("mine", hello)
			// Both ways import the same material.
			r.write("keys/mine/import", r.wrapped(ourMaterial))
		})
	}
}

func TestImportParametersSuitEveryTool(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	got := r.write("keys/mine/import_parameters", nil).Data
	require.Equal(t, r.keyID("mine"), got["key_id"])
	require.Equal(t, kmsapi.WrapOAEPSHA256, got["wrapping_algorithm"])
	require.NotEmpty(t, got["import_token"])
	_, err := time.Parse(kmsapi.TimeFormat, got["token_expire_time"].(string))
	require.NoError(t, err)
	block, _ := pem.Decode([]byte(got["public_key"].(string)))
	require.Equal(t, got["public_key_der"], b64(block.Bytes))
	require.Len(t, got, 6)

	calls := r.kms.total()
	_, err = r.tryWrite("keys/mine/import_parameters", body{"wrapping_algorithm": "RSAES_OAEP_SHA_512"})
	refused(t, err, 400, kmsapi.WrapOAEPSHA256)
	_, err = r.tryWrite("keys/none/import_parameters", nil)
	refused(t, err, 404)
	require.Equal(t, calls, r.kms.total())
}

func TestBadImportsNeverReachKMS(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	key := r.haveWrappingKey()
	good := r.wrapped(ourMaterial)
	short := b64(keywraptest.Wrapping{}.Wrap(t, key, make([]byte, 16)))
	cmks, calls := r.cmks(), r.kms.total()
	for name, c := range map[string]struct {
		data map[string]any
		says string
	}{
		"nothing": {nil, "either ciphertext"},
		"both ways": {
			with(good, body{"encrypted_key_material": "AAAA", "import_token": "x"}),
			"either ciphertext",
		},
		"a ciphertext and a token": {with(good, body{"import_token": "x"}), "either ciphertext"},
		"no token":                 {body{"encrypted_key_material": "AAAA"}, "import_token"},
		"a token alone":            {body{"import_token": "x"}, "encrypted_key_material"},
		"a hash for the pass-through": {body{
			"encrypted_key_material": "AAAA", "import_token": "x",
			"hash_function": "SHA1",
		}, "either ciphertext"},
		"an unknown hash":     {with(good, body{"hash_function": "MD5"}), "SHA512"},
		"the hash of another": {with(good, body{"hash_function": "SHA1"}), "can't be opened"},
		"not base64":          {body{"ciphertext": "?"}, "base64"},
		"URL-safe base64":     {body{"ciphertext": "__--"}, "base64"},
		"line breaks only":    {body{"ciphertext": "\n\n"}, "empty"},
		"spaces only":         {body{"encrypted_key_material": "\n", "import_token": " "}, "empty"},
		"too little":          {body{"ciphertext": "AAAA"}, "552"},
		"a key of 16 bytes":   {body{"ciphertext": short}, "9 to 16 bytes, and KMS takes exactly 32"},
		"too much":            {body{"ciphertext": strings.Repeat("A", maxImportField+1)}, "too long"},
		"too much material": {body{
			"encrypted_key_material": strings.Repeat("A", maxImportField+1),
			"import_token":           "x",
		}, "too long"},
		"too long a token": {body{
			"encrypted_key_material": "AAAA",
			"import_token":           strings.Repeat("A", maxImportField+1),
		}, "too long"},
		"material not in base64":          {body{"encrypted_key_material": "?", "import_token": "x"}, "base64"},
		"garbage":                         {body{"ciphertext": b64(make([]byte, 552))}, "can't be opened"},
		"an expiry in the past":           {with(good, body{"expire_time": time.Now().Add(-time.Minute).Unix()}), "future"},
		"an expiry now":                   {with(good, body{"expire_time": time.Now().Unix()}), "future"},
		"an expiry of 0":                  {with(good, body{"expire_time": 0}), "future"},
		"an expiry before 1970":           {with(good, body{"expire_time": -1}), "future"},
		"an expiry in too distant a year": {with(good, body{"expire_time": "253402300800"}), "10000"},
		"an expiry that overflows":        {with(good, body{"expire_time": "9223372036854775807"}), "future"},
		"a description that is too long": {
			with(good, body{"description": strings.Repeat("x", kmsapi.MaxDescription+1)}),
			"description",
		},
		"an unknown protection level": {with(good, body{"protection_level": "GOLD"}), "protection_level"},
		"a context":                   {with(good, body{"context": hello}), "context"},
		"convergence":                 {with(good, body{"convergent_encryption": true}), "convergent_encryption"},
		"a rotation":                  {with(good, body{"auto_rotate_period": "24h"}), "auto_rotate_period"},
		"a public key":                {body{"public_key": "PEM"}, "public_key"},
		"a second version":            {with(good, body{"version": 2}), "version"},
		"a type that KMS has not":     {with(good, body{"type": "ed25519"}), "type"},
		"an origin":                   {with(good, body{"origin": "EXTERNAL"}), "origin"},
	} {
		for _, path := range []string{"keys/mine/import", "keys/new/import"} {
			t.Run(name+" "+path, func(t *testing.T) {
				_, err := r.tryWrite(path, c.data)
				refused(t, err, 400, c.says)
			})
		}
	}
	_, err := r.tryWrite("keys/new/import", body{"encrypted_key_material": "AAAA", "import_token": "x"})
	refused(t, err, 404, `"new"`, "vault write kms/keys/new origin=EXTERNAL")
	require.Equal(t, calls, r.kms.total())
	require.Equal(t, cmks, r.cmks())
}

func TestImportWithoutAWrappingKeyIsRefused(t *testing.T) {
	r := newKeyRig(t)
	v, _ := keywraptest.Read(t)
	_, err := r.tryWrite("keys/mine/import", body{"ciphertext": b64(v.Ciphertexts["SHA256"])})
	refused(t, err, 400, "vault read kms/wrapping_key")
	require.Zero(t, r.storage.calls["put"]-1, "only the configuration was stored")
	require.Zero(t, r.kms.total()-1)

	r = newRig(t)
	_, err = r.tryWrite("keys/mine/import", r.wrapped(ourMaterial))
	refused(t, err, 400, "vault write kms/config")
}

func TestOnlyTheSameMaterialIsImportedAgain(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	_, err := r.tryWrite("keys/mine/import", r.wrapped(otherMaterial))
	refused(t, err, 400, "InvalidKeyMaterial", "only one material", "request id")
	require.NotContains(t, err.Error(), "now exists")
	_, err = r.tryWrite("keys/mine/import", r.unopened("mine", kmsapi.WrapOAEPSHA256, otherMaterial))
	refused(t, err, 400, "InvalidKeyMaterial")

	resp := r.write("keys/mine/import", with(r.wrapped(ourMaterial), body{"description": "other"}))
	require.Contains(t, strings.Join(resp.Warnings, ""), "already existed")
	require.Empty(t, r.read("keys/mine").Data["description"])
	require.Len(t, r.cmks(), 1)
}

func TestExpiredMaterialIsRestored(t *testing.T) {
	r := newKeyRig(t)
	service := r.kms.service()
	r.write("keys/mine/import", with(r.wrapped(ourMaterial), body{"expire_time": time.Now().Add(time.Hour).Unix()}))
	ciphertext := r.encrypt("mine", hello)
	service.Advance(2 * time.Hour)
	require.NoError(t, service.Sweep())
	_, err := r.tryWrite("decrypt/mine", body{"ciphertext": ciphertext})
	refused(t, err, 409, "Rejected.PendingImport", "vault transit import kms/keys/mine @FILE")
	_, err = r.tryWrite("encrypt/mine", body{"plaintext": hello})
	refused(t, err, 409, "vault transit import kms/keys/mine @FILE",
		"vault write kms/keys/mine/import encrypted_key_material=")

	// The expiry is chosen by this clock, and checked by KMS's, which is ahead here.
	_, err = r.tryWrite("keys/mine/import", with(r.wrapped(ourMaterial),
		body{"expire_time": time.Now().Add(time.Hour).Unix()}))
	refused(t, err, 400, "InvalidParameter")
	r.write("keys/mine/import", with(r.wrapped(ourMaterial), body{"expire_time": time.Now().Add(3 * time.Hour).Unix()}))
	require.Equal(t, hello, r.write("decrypt/mine", body{"ciphertext": ciphertext}).Data["plaintext"])
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	require.Empty(t, r.read("keys/mine").Data["material_expire_time"])
}

func TestForeignAndExpiredImportTokensAreRefused(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	r.write("keys/other", body{"origin": "EXTERNAL"})
	data := r.unopened("other", kmsapi.WrapOAEPSHA256, ourMaterial)
	_, err := r.tryWrite("keys/mine/import", data)
	refused(t, err, 400, "InvalidImportToken", "kms/keys/mine/import_parameters")
	_, err = r.tryWrite("keys/mine/import", with(data, body{"import_token": "garbage"}))
	refused(t, err, 400, "InvalidImportToken")
	r.kms.service().Advance(25 * time.Hour)
	_, err = r.tryWrite("keys/other/import", data)
	refused(t, err, 400, "ExpiredImportToken", "24 hours", "kms/keys/other/import_parameters")
}

func TestKeysThatKMSMadeTakeNoMaterial(t *testing.T) {
	r := newKeyRig(t, "theirs")
	for path, data := range map[string]map[string]any{
		"keys/theirs/import":            r.wrapped(ourMaterial),
		"keys/theirs/import_parameters": nil,
	} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 400, "Unsupported.Origin", "vault transit import kms/keys/NAME", "origin=EXTERNAL")
	}
}

func TestKeyScheduledForDeletionTakesNoMaterial(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	r.write("keys/mine/config", body{"deletion_allowed": true})
	r.do(logical.DeleteOperation, "keys/mine", nil)
	_, err := r.tryWrite("keys/mine/import", r.wrapped(ourMaterial))
	refused(t, err, 409, "kms/keys/mine/cancel_deletion")
}

var errLost = &client.TransportError{Operation: "X", Endpoint: "kms:443", Err: errors.New("connection reset")}

// TestInterruptedImportIsFinishedByTheSameRequest fails an import before and after each call to KMS.
func TestInterruptedImportIsFinishedByTheSameRequest(t *testing.T) {
	for _, failing := range []kmsapi.Operation{
		kmsapi.OpCreateKey, kmsapi.OpGetParametersForImport,
		kmsapi.OpImportKeyMaterial,
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(fmt.Sprintf("%s %s", when, failing), func(t *testing.T) {
				r := newKeyRig(t)
				data := r.wrapped(ourMaterial)
				hook := func(_ context.Context, q kmsapi.Request) error {
					if q.Operation() == failing {
						return errLost
					}
					return nil
				}
				if when == "before" {
					r.kms.before = hook
				} else {
					r.kms.after = hook
				}
				_, err := r.tryWrite("keys/mine/import", data)
				r.kms.before, r.kms.after = nil, nil
				refused(t, err, 502, "connection reset")
				if failing == kmsapi.OpCreateKey {
					require.NotContains(t, err.Error(), "now exists")
				} else {
					refused(t, err, 502, `Key "mine" now exists`, r.keyID("mine"), "the same request again")
					require.NotContains(t, err.Error(), "..")
				}
				r.write("keys/mine/import", data)
				require.Equal(t, "Enabled", r.keyState("mine"))
				r.encrypt("mine", hello)
				require.Len(t, r.cmks(), 1)
			})
		}
	}
}
