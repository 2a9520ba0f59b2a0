package alicloudkms

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newCMK makes a CMK that the engine does not know.
func (r *rig) newCMK(aliases ...string) (id string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	defer direct.Close()
	made, err := direct.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(r.t, err)
	for _, alias := range aliases {
		_, err := direct.CreateAlias(r.t.Context(), &kmsapi.CreateAliasRequest{
			AliasName: alias,
			KeyId:     made.KeyMetadata.KeyId,
		})
		require.NoError(r.t, err)
	}
	return made.KeyMetadata.KeyId
}

func TestCMKIsRegisteredByIDOrAlias(t *testing.T) {
	r := newKeyRig(t)
	id := r.newCMK("alias/shared")
	sealed := r.encryptDirectly(id, hello)
	for name, keyID := range map[string]string{"a": id, "b": "alias/shared"} {
		resp := r.write("keys/"+name+"/register", body{"key_id": keyID})
		require.Equal(t, id, resp.Data["key_id"])
		require.Equal(t, resp.Data, r.read("keys/"+name).Data)
		require.Equal(t, hello, r.write("decrypt/"+name, body{"ciphertext": sealed}).Data["plaintext"])
	}
	require.Zero(t, r.kms.count(kmsapi.OpCreateKey))
}

func TestBoundContextSeparatesNamesOfOneCMK(t *testing.T) {
	r := newKeyRig(t)
	id := r.newCMK()
	first := r.write("keys/hr/register", body{"key_id": id, "bound_context": "team=hr"})
	require.Empty(t, first.Warnings)
	second := r.write("keys/it/register", body{"key_id": id, "bound_context": "team=it"})
	require.Empty(t, second.Warnings)
	ciphertext := r.encrypt("hr", hello)
	for _, path := range []string{"decrypt/it", "rewrap/it"} {
		_, err := r.tryWrite(path, body{"ciphertext": ciphertext})
		refused(t, err, 400, "bound_context")
		_, err = r.tryWrite(path, body{"ciphertext": ciphertext, "encryption_context": "team=hr"})
		refused(t, err, 400, "team")
	}
}

func TestNamesWithoutDisjointContextsAreAWarning(t *testing.T) {
	r := newKeyRig(t)
	id := r.newCMK()
	r.write("keys/hr/register", body{"key_id": id, "bound_context": "team=hr"})
	for _, bound := range []any{"", "unit=it", "team=hr"} {
		resp := r.write("keys/it/register", body{"key_id": id, "bound_context": bound})
		require.Contains(t, strings.Join(resp.Warnings, "\n"), "hr")
		r.write("keys/it/deregister", nil)
	}
	r.write("keys/it/register", body{"key_id": id, "bound_context": "team=it"})
	resp := r.write("keys/it/config", body{"bound_context": "unit=it"})
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "can decrypt what the others encrypt")
	// The warning is justified: each caller gives the entry that the other key binds.
	ciphertext := r.write("encrypt/hr", body{"plaintext": hello, "encryption_context": "unit=it"}).Data["ciphertext"]
	opened := r.write("decrypt/it", body{"ciphertext": ciphertext, "encryption_context": "team=hr"})
	require.Equal(t, hello, opened.Data["plaintext"])
}

func TestRegisteringAgainChangesNothing(t *testing.T) {
	r := newKeyRig(t, "mine")
	id, other := r.newCMK(), r.newCMK()
	r.write("keys/a/register", body{"key_id": id, "bound_context": "team=hr"})
	r.write("keys/a/config", body{"deletion_allowed": true})
	again := r.write("keys/a/register", body{"key_id": id, "bound_context": "team=hr"})
	require.Contains(t, strings.Join(again.Warnings, "\n"), "nothing was changed")
	for _, data := range []map[string]any{
		{"key_id": other, "bound_context": "team=hr"},
		{"key_id": id},
		{"key_id": id, "bound_context": "team=it"},
	} {
		_, err := r.tryWrite("keys/a/register", data)
		refused(t, err, 409, id, "vault write -f kms/keys/a/deregister")
	}
	_, err := r.tryWrite("keys/mine/register", body{"key_id": id})
	refused(t, err, 409, r.keyID("mine"))
	read := r.read("keys/a/config").Data
	require.Equal(t, id, read["key_id"])
	require.Equal(t, true, read["deletion_allowed"])
}

func TestBadRegistrationStoresNothing(t *testing.T) {
	for name, c := range map[string]struct {
		data   map[string]any
		status int
		says   string
	}{
		"no key_id":       {nil, 400, "key_id"},
		"an empty key_id": {body{"key_id": ""}, 400, "key_id"},
		"a long key_id":   {body{"key_id": strings.Repeat("k", maxKeyID+1)}, 400, "key_id"},
		"an unknown KMS key": {
			body{"key_id": "12345678-1234-1234-1234-123456789012"},
			404,
			"Forbidden.KeyNotFound",
		},
		"an unknown alias":   {body{"key_id": "alias/nobody"}, 404, "NotFound"},
		"an invalid context": {body{"key_id": "x", "bound_context": body{"": "x"}}, 400, "bound_context"},
		"the entry of associated data": {
			body{"key_id": "x", "bound_context": body{reserved.AssociatedData: "x"}},
			400,
			"bound_context",
		},
		"the entry of context": {
			body{"key_id": "x", "bound_context": body{reserved.Context: "x"}},
			400,
			"give context instead",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_, err := r.tryWrite("keys/a/register", c.data)
			refused(t, err, c.status, c.says)
			require.Nil(t, r.read("keys/a"))
		})
	}
}

func TestDisabledCMKIsRegisteredWithAWarning(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/disable", nil)
	id := r.keyID("a")
	r.write("keys/a/deregister", nil)
	require.Contains(t, strings.Join(r.write("keys/b/register", body{"key_id": id}).Warnings, "\n"), "Disabled")
}

func TestFailedStoreOfARegistrationIsAnError(t *testing.T) {
	r := newKeyRig(t)
	id := r.newCMK()
	for _, kind := range []string{"get", "list", "put"} {
		r.storage.reset(kind, 1)
		_, err := r.tryWrite("keys/a/register", body{"key_id": id})
		require.ErrorIs(t, err, errStorage, kind)
		r.storage.reset("", 0)
		require.Nil(t, r.read("keys/a"))
	}
}

func TestDeregisteredKeyDecryptsAgainOnceItIsRegistered(t *testing.T) {
	r := newKeyRig(t, "a")
	id, ciphertext := r.keyID("a"), r.encrypt("a", hello)
	r.write("keys/a/deregister", nil)
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 404)
	r.write("keys/b/register", body{"key_id": id})
	require.Equal(t, hello, r.write("decrypt/b", body{"ciphertext": ciphertext}).Data["plaintext"])
}

func TestRegisterTakesAnARN(t *testing.T) {
	r := newKeyRig(t, "a")
	arn := r.read("keys/a").Data["arn"]
	require.Regexp(t, `^acs:kms:cn-hangzhou:.*:key/`, arn)
	r.write("keys/b/register", body{"key_id": arn})
	require.Equal(t, r.keyID("a"), r.keyID("b"))
	require.Equal(t, hello, r.write("decrypt/b", body{"ciphertext": r.encrypt("b", hello)}).Data["plaintext"])
}

func TestKeyPairIsNotRegisteredAsDerived(t *testing.T) {
	r := newKeyRig(t)
	pair := r.direct().makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	_, err := r.tryWrite("keys/a/register", body{"key_id": pair, "derived": true})
	refused(t, err, 400, "derived")
	require.Empty(t, r.storedOrNone("a"))
	r.write("keys/a/register", body{"key_id": pair, "derived": false})
}
