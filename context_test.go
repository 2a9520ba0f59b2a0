package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestOnlyTheSameContextDecrypts(t *testing.T) {
	r := newKeyRig(t, "plain")
	r.write("keys/derived", body{"derived": true})
	for _, key := range []string{"plain", "derived"} {
		for made, path := range map[string]string{"ciphertext": "encrypt/", "data key": "datakey/wrapped/"} {
			t.Run("a "+made+" of the key "+key, func(t *testing.T) {
				item := body{"context": "dXNlcjE="}
				if made == "ciphertext" {
					item["plaintext"] = hello
				}
				ciphertext := r.write(path+key, item).Data["ciphertext"]
				again := r.write("rewrap/"+key, body{"ciphertext": ciphertext, "context": "dXNlcjE="}).Data["ciphertext"]
				for _, c := range []any{ciphertext, again} {
					r.write("decrypt/"+key, body{"ciphertext": c, "context": "dXNl\ncjE=\n"})
					for _, other := range []body{{"context": "dXNlcjI="}, {"context": ""}, {"associated_data": "dXNlcjE="}} {
						for _, use := range []string{"decrypt/", "rewrap/"} {
							_, err := r.tryWrite(use+key, with(other, body{"ciphertext": c}))
							refused(t, err, 400, "context")
						}
					}
				}
			})
		}
	}
}

func TestContextIsSentInBase64BesideWhatElseIsBound(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	r.write("encrypt/a", body{
		"plaintext": hello, "context": "AP8=", "associated_data": "QUJD", "encryption_context": "employee=4711",
	})
	require.Equal(t, kmsapi.EncryptionContext{
		"team": "hr", "employee": "4711", "vault:context": "AP8=", "vault:associated_data": "QUJD",
	}, r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
}

func TestDerivedKeyNeedsAContextForEveryUse(t *testing.T) {
	r := newKeyRig(t)
	require.Equal(t, true, r.write("keys/a", body{"derived": true}).Data["derived"])
	ciphertext := r.write("encrypt/a", body{"plaintext": hello, "context": "QQ=="}).Data["ciphertext"]
	calls := r.kms.total()
	for path, item := range map[string]body{
		"encrypt/a":           {"plaintext": hello},
		"decrypt/a":           {"ciphertext": ciphertext},
		"rewrap/a":            {"ciphertext": ciphertext},
		"datakey/plaintext/a": {},
		"datakey/wrapped/a":   {},
	} {
		for _, context := range []body{{}, {"context": ""}, {"context": nil}, {"encryption_context": "context=QQ=="}} {
			_, err := r.tryWrite(path, with(item, context))
			refused(t, err, 400, "context is required", "derived=true")
		}
	}
	require.Equal(t, calls, r.kms.total())
	require.Equal(t, true, r.read("keys/a").Data["derived"])
	require.Equal(t, true, r.read("keys/a").Data["supports_derivation"])
}

func TestItemsOfABatchHaveContextsOfTheirOwn(t *testing.T) {
	r := newKeyRig(t, "a")
	item := func(context any) any { return body{"plaintext": hello, "context": context} }
	resp := r.write("encrypt/a", body{"batch_input": []any{item("QQ=="), item(nil), body{"plaintext": hello}}})
	results := resultsOf(t, resp)
	for i, context := range []string{"QQ==", "", ""} {
		r.write("decrypt/a", body{"ciphertext": results[i]["ciphertext"], "context": context})
	}
	_, err := r.tryWrite("encrypt/a", body{"context": "QQ==", "batch_input": []any{item("Qg==")}})
	refused(t, err, 400, `"context" belongs in the items`)

	r.write("keys/derived", body{"derived": true})
	status, results := r.batch("encrypt/derived", []any{item("QQ=="), item(nil)})
	require.Equal(t, 400, status)
	require.NotEmpty(t, results[0]["ciphertext"])
	require.Contains(t, results[1]["error"], "context is required")
}

func TestBadContextOfTransitNeverReachesKMS(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	for name, context := range map[string]any{
		"not base64": "user 1", "base64url": "-_-_", "a map": body{"user": "1"}, "a number": 5,
		"too long": encoded(kmsapi.MaxEncryptionContext),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "context": context})
			refused(t, err, 400, "context")
		})
	}
	for _, own := range []string{reserved.Context, reserved.AssociatedData} {
		_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "encryption_context": body{own: "QQ=="}})
		refused(t, err, 400, own, "give ")
	}
	require.Equal(t, calls, r.kms.total())
}

func TestBoundContextFromBeforeItsNameWasReservedIsNotOverridden(t *testing.T) {
	for field, entry := range map[string]string{"context": reserved.Context, "associated_data": reserved.AssociatedData} {
		t.Run(field, func(t *testing.T) {
			r := newKeyRig(t, "a")
			old, err := loadKey(t.Context(), r.storage, "a")
			require.NoError(t, err)
			old.BoundContext = map[string]string{entry: "QQ=="}
			require.NoError(t, r.backend().storeKey(t.Context(), r.storage, "a", old))
			ciphertext := r.encrypt("a", hello)
			require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext, field: ""}).Data["plaintext"])
			require.Contains(t, r.read("keys/a").Warnings[0], entry)
			for _, value := range []string{"QQ==", "Qg=="} {
				_, err = r.tryWrite("decrypt/a", body{"ciphertext": ciphertext, field: value})
				refused(t, err, 400, field, entry)
			}
		})
	}
}

const staysDerived = "The key has derived=true, which can't be changed."

func TestDerivedIsKeptUnlessANewKeyAsksForSomethingElse(t *testing.T) {
	r := newKeyRig(t)
	derived := func(path string, data body) any {
		t.Helper()
		return r.write(path, data).Data["derived"]
	}
	require.Equal(t, true, derived("keys/a", body{"derived": true}))
	require.Equal(t, true, derived("keys/a", nil), "an existing key")
	require.Equal(t, true, derived("keys/a", body{"derived": false}), "an existing key")
	require.Contains(t, r.write("keys/a", body{"derived": false}).Warnings, staysDerived)
	require.Equal(t, true, derived("keys/a/config", body{"deletion_allowed": true}))
	r.remove("keys/a", nil)
	require.Equal(t, true, derived("keys/a", body{"recreate": true}))
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.remove("keys/a", nil)
	require.Equal(t, false, derived("keys/a", body{"recreate": true, "derived": false}))

	register := body{"key_id": r.keyID("a"), "derived": true}
	require.Equal(t, true, derived("keys/b/register", register))
	require.Equal(t, true, derived("keys/b/register", register), "again")
	_, err := r.tryWrite("keys/b/register", body{"key_id": r.keyID("a")})
	refused(t, err, 409, "derived")

	r.haveWrappingKey()
	r.write("keys/mine/import", with(r.wrapped(make([]byte, kmsapi.KeyMaterialSize)), body{"derived": true}))
	require.Equal(t, true, r.read("keys/mine").Data["derived"])
}

func TestInterruptedCreationOfADerivedKeyIsFinishedAsThat(t *testing.T) {
	r := newKeyRig(t)
	r.storage.reset("put", 2) // The first write is the write-ahead log's.
	_, err := r.tryWrite("keys/a", body{"derived": true})
	refused(t, err, 500)
	r.storage.reset("", 0)
	resp := r.do(logical.UpdateOperation, "keys/a", body{"derived": false})
	require.Equal(t, true, resp.Data["derived"])
	require.Contains(t, resp.Warnings, staysDerived)
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "context is required")
}
