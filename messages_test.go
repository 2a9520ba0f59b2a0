package alicloudkms

import (
	"encoding/base64"
	"regexp"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// The tables of this file and of messages_config_test.go are the exact messages that users see when something is wrong,
// from the real engine, over TLS to the real service.

// anonymous replaces what differs from run to run.
func anonymous(text string) string {
	id := `[0-9a-f]{8}-[0-9a-f-]{27}`
	text = regexp.MustCompile(`request id `+id).ReplaceAllString(text, "request id ID")
	text = regexp.MustCompile(id).ReplaceAllString(text, "KMS key")
	return regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`).ReplaceAllString(text, "HOST")
}

// says requires the exact message of a refusal.
func says(t *testing.T, err error, status int, want string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, anonymous(err.Error()))
	refused(t, err, status)
}

func TestWhatIsSaidOfARequestThatIsWrong(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	for _, name := range []string{"hr", "off", "it"} {
		r.write("keys/"+name, nil)
	}
	r.write("keys/off/disable", nil)
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	r.write("keys/dying", nil)
	r.write("keys/dying/config", body{"deletion_allowed": true})
	r.remove("keys/dying", nil)
	foreign := r.encrypt("it", hello)
	const encrypted, token = "encrypted_key_material", "import_token"

	for situation, c := range map[string]struct {
		op     logical.Operation
		path   string
		data   map[string]any
		status int
		want   string
	}{
		"a misspelled path": {
			logical.UpdateOperation, "keys/hr/enabel", nil, 404,
			`unsupported path "keys/hr/enabel"; did you mean keys/hr/enable? All paths: vault path-help kms/`,
		},
		"a path without its name": {
			logical.UpdateOperation, "encrypt",
			body{"plaintext": hello},
			404,
			`unsupported path "encrypt"; did you mean encrypt/NAME? All paths: vault path-help kms/`,
		},
		"a path of nothing": {
			logical.ReadOperation, "nothing/hr", nil, 404,
			`unsupported path "nothing/hr"; for those that there are, run: vault path-help kms/`,
		},
		"a read of what can only be written": {
			logical.ReadOperation, "keys/hr/enable", nil, 405,
			`"keys/hr/enable" can't be read; it can be written. See: vault path-help kms/keys/hr/enable`,
		},
		"a list of what is no list": {
			logical.ListOperation, "config/", nil, 405,
			`"config" can't be listed; it can be read, written, patched, deleted. See: vault path-help kms/config`,
		},
		"a write to a list": {
			logical.UpdateOperation, "keys", nil, 405,
			`"keys" can't be written; it can be listed. See: vault path-help kms/keys`,
		},
		"a misspelled field": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plantext": hello},
			400,
			`unknown field "plantext"; did you mean "plaintext"? The fields are associated_data, batch_input, context, encryption_context, key_version, padding_scheme, partial_failure_response_code, plaintext, reference`,
		},
		"a key that does not exist": {
			logical.UpdateOperation, "encrypt/payroll",
			body{"plaintext": hello},
			404,
			`there is no key "payroll"; to make it, run: vault write -f kms/keys/payroll`,
		},
		"a plaintext that is not base64": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plaintext": "hello"},
			400,
			`the field "plaintext" must be standard base64, for example from: echo -n hello | base64`,
		},
		"a plaintext without its @": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plaintext": "hello.b64"},
			400,
			`the field "plaintext" must be standard base64; did you mean the content of the file, plaintext=@hello.b64?`,
		},
		"a ciphertext without its @": {
			logical.UpdateOperation, "decrypt/hr",
			body{"ciphertext": "hello.txt"},
			400,
			`ciphertext must be vault:vN: followed by a CiphertextBlob of KMS in base64, or the CiphertextBlob alone; did you mean the content of the file, ciphertext=@hello.txt?`,
		},
		"a ciphertext of another key": {
			logical.UpdateOperation, "decrypt/hr",
			body{"ciphertext": foreign},
			403,
			`the ciphertext was not made by this key; decrypt it with the key that made it (request id ID)`,
		},
		"a disabled key": {
			logical.UpdateOperation, "encrypt/off",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.Disabled: The request was rejected because the key state is Disabled. (request id ID). To enable the key, run: vault write -f kms/keys/off/enable`,
		},
		"a key that is going": {
			logical.UpdateOperation, "encrypt/dying",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion. (request id ID). The key is scheduled for deletion; to keep it, run: vault write -f kms/keys/dying/cancel_deletion`,
		},
		"a key without material": {
			logical.UpdateOperation, "encrypt/mine",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.PendingImport: The request was rejected because the key state is PendingImport. (request id ID). The key has no key material, or it has expired. Import it: vault transit import kms/keys/mine @FILE, or without showing it to Vault: vault write kms/keys/mine/import encrypted_key_material=... import_token=...`,
		},
		"key material of 16 bytes": {
			logical.UpdateOperation, "keys/new/import", r.wrapped(make([]byte, 16)), 400,
			`the field "ciphertext" wraps key material of 9 to 16 bytes, and KMS takes exactly 32; for new material: head -c 32 /dev/urandom | base64`,
		},
		"key material in hexadecimal": {
			logical.UpdateOperation, "keys/new/import", r.wrapped(make([]byte, 64)), 400,
			`the field "ciphertext" wraps key material of 57 to 64 bytes, and KMS takes exactly 32; if it is hexadecimal, decode it first: xxd -r -p`,
		},
		"wrapped material without its @": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: "wrapped.b64", token: "dG9rZW4="},
			400,
			`the field "encrypted_key_material" must be standard base64; did you mean the content of the file, encrypted_key_material=@wrapped.b64?`,
		},
		"a token without its @": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: hello, token: "token.txt"},
			400,
			`the field "import_token" must be what import_parameters answered; did you mean the content of the file, import_token=@token.txt?`,
		},
		"material that was not wrapped": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: base64.StdEncoding.EncodeToString(make([]byte, 32)), token: "dG9rZW4="},
			400,
			`the field "encrypted_key_material" has 32 bytes, which is the size of the key material itself; encrypt it with the public_key of import_parameters: alicloudkms wrap -in FILE -public-key FILE`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := r.try(c.op, c.path, c.data)
			says(t, err, c.status, c.want)
		})
	}
}

func TestWhatAProgramIsSaidToDoNext(t *testing.T) {
	t.Run("403, without the permission", func(t *testing.T) {
		r, service, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		require.NoError(t, service.Reload(kmstest.Allowing(kmsapi.OpDescribeKey)))
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 403, `Encrypt: KMS refused: Forbidden.NoPermission: This operation for acs:kms:cn-hangzhou:123456:key/KMS key is forbidden by permission system. It needs the permission kms:Encrypt. (request id ID). The RAM user or role that the engine calls KMS as lacks the permission; allow it in RAM: kms:Encrypt`)
	})
	t.Run("429, for too many requests", func(t *testing.T) {
		service := kmstest.Configured(t, kmstest.CryptoRate(1))
		r := newEngine(t)
		r.write("config", realConfig(service))
		r.write("keys/hr", nil)
		var err error
		for err == nil { // KMS answers all that are a second apart.
			_, err = r.tryWrite("encrypt/hr", body{"plaintext": hello})
		}
		says(t, err, 429, `Encrypt: KMS refused: Rejected.Throttling: QPS Limit Exceeded. (request id ID). Send fewer requests at a time and try again, or set max_parallel in kms/config.`)
	})
	t.Run("502, without an answer", func(t *testing.T) {
		r, service, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		service.Stop()
		r.backend().forgetConnection() // The client may not have noticed yet that the service has closed it.
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 502, `Encrypt at HOST failed: dial tcp HOST: connect: connection refused (no connection was made; check region, network and endpoint, that the service runs, and that no firewall is in the way). The engine's settings: vault read kms/config`)
	})
	t.Run("502, after the secret was changed", func(t *testing.T) {
		r, _, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		r.write("config", body{"secret_key": "the earlier one", "verify": false})
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 502, `Encrypt: KMS refused: IncompleteSignature (request id ID). The secret_key does not belong to the access_key; write both again: vault write kms/config access_key=... secret_key=...`)
	})
	t.Run("400, before the engine is configured", func(t *testing.T) {
		_, err := newEngine(t).tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 400, `the engine is not configured; run: vault write kms/config region=... access_key=... secret_key=...`)
	})
}
