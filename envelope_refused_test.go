package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeysThatCannotBeInEnvelopeModeAreRefused(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/pair", body{"type": "rsa-2048"})
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	cmks := len(r.cmks())
	for name, c := range map[string]struct {
		path string
		data body
		code int
		says string
	}{
		"a new key pair": {"keys/a", body{"type": "rsa-2048"}, 400, "key pair"},
		"a new key pair that decrypts": {
			"keys/a", body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt}, 400, "key pair",
		},
		"a key pair":                 {"keys/pair/config", nil, 400, "key pair"},
		"new, for imported material": {"keys/a", body{"origin": "EXTERNAL"}, 400, "import the material"},
		"without its material":       {"keys/mine/config", nil, 409, "Rejected.PendingImport"},
		"imported and new":           {"keys/a/import", r.wrapped(ourMaterial), 400, "import the material"},
		"a new key pair, imported": {
			"keys/a/import", with(r.wrapped(r.otherPair()), body{"type": "rsa-2048"}), 400, "key pair",
		},
		"rotated too often": {"keys/a", body{"auto_rotate_period": "23h59m"}, 400, "24 hours or more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, with(body{"encryption": "envelope"}, c.data))
			refused(t, err, c.code, c.says)
			require.Len(t, r.cmks(), cmks)
			require.Empty(t, r.storedOrNone("a"))
			require.Zero(t, r.unsettled())
		})
	}
	for _, path := range []string{"keys/a", "keys/pair/config", "keys/a/import"} {
		_, err := r.tryWrite(path, body{"encryption": "both", "ciphertext": nil})
		require.Error(t, err, path)
	}
	_, err := r.tryWrite("keys/pair/config", body{"encryption": "direct"})
	require.NoError(t, err, "it is in direct mode")
}

func TestImportedKeyIsConvertedOnceItHasItsMaterial(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a/import", with(r.wrapped(ourMaterial), body{"encryption": "direct"}))
	direct := r.encrypt("a", hello)
	r.write("keys/a/config", body{"encryption": "envelope"})
	sealed := r.encrypt("a", hello)
	require.EqualValues(t, 2, messageOfText(t, sealed).Version)
	warnings := r.write("keys/a/import", with(r.wrapped(ourMaterial), body{"encryption": "envelope"})).Warnings
	require.Empty(t, warnings, "it is so")
	require.Contains(t, r.write("keys/a/import", with(r.wrapped(ourMaterial), body{"encryption": "direct"})).Warnings[0],
		"encryption=envelope; its config can change that")
	require.Nil(t, r.do(logical.DeleteOperation, "keys/a/material", nil))
	for _, ciphertext := range []string{direct, sealed} {
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
		refused(t, err, 409, "vault transit import kms/keys/a @FILE")
	}
	_, err := r.tryWrite("keys/a/rotate", nil)
	refused(t, err, 409, "vault transit import kms/keys/a @FILE")
	r.write("keys/a/import", r.wrapped(ourMaterial))
	r.opens("a", direct, sealed)
	require.Equal(t, 3, r.write("keys/a/rotate", nil).Data["latest_version"], "no other material is needed")
}

func TestImportIntoAKeyOfKMSIsRefusedAsBefore(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	stored := r.storedKey("a")
	_, err := r.tryWrite("keys/a/import", r.wrapped(ourMaterial))
	refused(t, err, 400, "Unsupported.Origin")
	require.Equal(t, stored, r.storedKey("a"))
	require.Equal(t, 2, r.write("keys/a/import_version", r.wrapped(ourMaterial)).Data["latest_version"])
	require.Equal(t, r.keyID("a"), r.wrapper("a", r.encrypt("a", hello)))
}

func TestConvergentEncryptionIsRefusedInEnvelopeMode(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	_, err := r.tryWrite("keys/b", body{"encryption": "envelope", "derived": true, "convergent_encryption": true})
	refused(t, err, 400, "convergent_encryption")
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello, "convergent_encryption": true})
	refused(t, err, 400, "convergent_encryption")
	require.NotEqual(t, r.encrypt("a", hello), r.encrypt("a", hello))
}

func TestDerivedKeyNeedsItsContextInEnvelopeMode(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"encryption": "envelope", "derived": true})
	const context, other = "YQ==", "Yg=="
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "context is required")
	ciphertext := r.write("encrypt/a", body{"plaintext": hello, "context": context}).Data["ciphertext"]
	for _, path := range []string{"decrypt/a", "rewrap/a"} {
		_, err = r.tryWrite(path, body{"ciphertext": ciphertext})
		refused(t, err, 400, "context is required")
		_, err = r.tryWrite(path, body{"ciphertext": ciphertext, "context": other})
		refused(t, err, 400, "does not open")
	}
	_, err = r.tryWrite("datakey/wrapped/a", nil)
	refused(t, err, 400, "context is required")
	r.write("datakey/wrapped/a", body{"context": context})
	again := r.write("rewrap/a", body{"ciphertext": ciphertext, "context": context}).Data["ciphertext"]
	r.write("keys/a/config", body{"encryption": "direct"})
	for _, text := range []any{ciphertext, again} {
		back := r.write("rewrap/a", body{"ciphertext": text, "context": context}).Data["ciphertext"]
		opened := r.write("decrypt/a", body{"ciphertext": back, "context": context}).Data["plaintext"]
		require.Equal(t, hello, opened)
	}
	require.Equal(t, true, r.read("keys/a").Data["derived"])
}

func TestKeyWithDataKeysKeepsItsBoundContext(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr", "encryption": "envelope"})
	old := r.encrypt("a", hello)
	change := func(op logical.Operation, bound any) error {
		_, err := r.try(op, "keys/a/config", body{"bound_context": bound})
		return err
	}
	refuses := func() {
		t.Helper()
		for _, bound := range []any{"team=it", "{}", "team=hr,more=x"} {
			refused(t, change(logical.UpdateOperation, bound), 400, "bound_context can't be changed", "trim")
		}
		refused(t, change(logical.PatchOperation, map[string]any{"team": nil}), 400, "bound_context can't be changed")
		require.NoError(t, change(logical.UpdateOperation, "team=hr"), "it is the same")
		_, err := r.tryWrite("keys/a/config", body{"bound_context": "team=it", "encryption": "direct"})
		refused(t, err, 400, "bound_context can't be changed")
	}
	refuses()
	r.write("keys/a/config", body{"encryption": "direct"})
	refuses()
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	refuses()
	r.write("keys/a/trim", body{"min_available_version": 3})
	require.NoError(t, change(logical.UpdateOperation, "team=it"))
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": old})
	refused(t, err, 400, "min_available_version")
	id := r.entry("a").EnvelopeID
	r.write("keys/a/config", body{"encryption": "envelope"})
	require.Equal(t, id, r.entry("a").EnvelopeID)
	require.EqualValues(t, 4, messageOfText(t, r.encrypt("a", hello)).Version)
	r.opens("a", r.encrypt("a", hello))
}

func TestTooLongABoundContextIsRefusedInEnvelopeModeAlone(t *testing.T) {
	const own = len(`,"vault:envelope":"","vault:purpose":"envelope/1","vault:version":"4294967295"`) + 32
	r := newKeyRig(t, "a")
	longest := longContext(kmsapi.MaxEncryptionContext - own)
	_, err := r.tryWrite("keys/a/config", body{
		"encryption": "envelope", "bound_context": longContext(kmsapi.MaxEncryptionContext - own + 1),
	})
	refused(t, err, 400, "too long for envelope mode")
	require.Empty(t, r.entry("a").BoundContext)
	r.write("keys/a/config", body{"bound_context": longContext(kmsapi.MaxEncryptionContext)})
	_, err = r.tryWrite("keys/a/config", body{"encryption": "envelope"})
	refused(t, err, 400, "too long for envelope mode")
	r.write("keys/a/config", body{"encryption": "envelope", "bound_context": longest})
	for range 10 {
		r.write("keys/a/rotate", nil) // Version numbers get longer.
	}
	r.opens("a", r.encrypt("a", hello))
}
