package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestWhatIsSaidToAClientOfTransit is about requests that transit answers differently.
func TestWhatIsSaidToAClientOfTransit(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/hr", nil)
	r.write("keys/derived", body{"derived": true})
	for situation, c := range map[string]struct {
		op     logical.Operation
		path   string
		data   body
		status int
		want   string
	}{
		"a derived key without a context": {
			logical.UpdateOperation, "encrypt/derived",
			body{"plaintext": hello},
			400,
			`context is required: the key was made with derived=true, so each use of it must give a context, in base64`,
		},
		"another context": {
			logical.UpdateOperation, "decrypt/derived",
			body{
				"ciphertext": r.write("encrypt/derived", body{"plaintext": hello, "context": "QQ=="}).Data["ciphertext"],
				"context":    "Qg==",
			},
			400,
			`Decrypt: KMS refused: InvalidParameter: The specified parameter "CiphertextBlob" is not valid. It is not a ciphertext of this service, or the EncryptionContext is not the one it was made with. (request id ID). The ciphertext was altered or cut, or context, associated_data, encryption_context or the key's bound_context are not those it was encrypted with.`,
		},
		"convergent encryption": {
			logical.UpdateOperation, "keys/new",
			body{"derived": true, "convergent_encryption": true},
			400,
			`the field "convergent_encryption" can't be used: KMS never encrypts the same plaintext to the same ciphertext`,
		},
		"a name of the engine's own in a context": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plaintext": hello, "encryption_context": body{"vault:context": "QQ=="}},
			400,
			`encryption_context must not have an entry "vault:context"; give context instead`,
		},
		"a backup": {
			logical.ReadOperation, "backup/hr", nil, 400,
			`The material of a key is in KMS and never leaves it, so there is nothing to export, back up or restore. Vault's snapshot has the names of the keys, and vault write kms/keys/NAME/register key_id=... gives one back.`,
		},
		"an HMAC of a key that has no data key": {
			logical.UpdateOperation, "hmac/hr",
			body{"input": hello},
			400,
			`the key has no data key, which an HMAC needs, because KMS makes none with keys that encrypt; write encryption=envelope to keys/hr/config`,
		},
		"a signature and an HMAC to check": {
			logical.UpdateOperation, "verify/hr",
			body{"input": hello, "signature": "vault:v1:QUJD", "hmac": "vault:v1:QUJD"},
			400,
			`give either signature or hmac, not both`,
		},
		"too many random bytes": {
			logical.UpdateOperation, "random/131073", nil, 400,
			`bytes must be 1 to 131072`,
		},
		"a hash function that transit does not have either": {
			logical.UpdateOperation, "hash/md5",
			body{"input": hello},
			400,
			`the hash function must be one of sha2-224, sha2-256, sha2-384, sha2-512, sha3-224, sha3-256, sha3-384, sha3-512, sm3`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := r.try(c.op, c.path, c.data)
			says(t, err, c.status, c.want)
		})
	}
}
