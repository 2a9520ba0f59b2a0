package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestWhatIsSaidOfAKeyPairThatCannotDoIt(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/hr", nil)
	r.makeKey("release", body{"type": "ecdsa-p256"})
	r.makeKey("off", body{"type": "ecdsa-p256"})
	r.write("keys/off/disable", nil)
	signed := r.sign("release", nil)
	for situation, c := range map[string]struct {
		op     logical.Operation
		path   string
		data   map[string]any
		status int
		want   string
	}{
		"a type that KMS does not have": {
			logical.UpdateOperation, "keys/new",
			body{"type": "ed25519"},
			400,
			`KMS has no keys of that type; the types are aes256-gcm96, rsa-2048, rsa-3072, rsa-4096, ecdsa-p256, and key_spec has others`,
		},
		"a usage that the type does not have": {
			logical.UpdateOperation, "keys/new",
			body{"type": "ecdsa-p256", "key_usage": "ENCRYPT/DECRYPT"},
			400,
			`key_usage must be SIGN/VERIFY for a key of the type ecdsa-p256`,
		},
		"a symmetric key": {
			logical.UpdateOperation, "sign/hr",
			body{"input": hello},
			400,
			`the key is of the type aes256-gcm96, which can't sign; to sign, make a key with type=ecdsa-p256, or an RSA type`,
		},
		"a hash that KMS does not sign": {
			logical.UpdateOperation, "sign/release/sha2-512",
			body{"input": hello},
			400,
			`the hash must be sha2-256: KMS signs no other digests with a key of this type`,
		},
		"data in place of its digest": {
			logical.UpdateOperation, "sign/release",
			body{"input": hello, "prehashed": true},
			400,
			`input has 5 bytes, and with prehashed=true it must be a SHA-256 digest, of 32`,
		},
		"a disabled key": {
			logical.UpdateOperation, "sign/off",
			body{"input": hello},
			409,
			`AsymmetricSign: KMS refused: Rejected.Disabled: The request was rejected because the key state is Disabled. (request id ID). To enable the key, run: vault write -f kms/keys/off/enable`,
		},
		"the name of a file in place of a signature": {
			logical.UpdateOperation, "verify/release",
			body{"input": hello, "signature": "release.sig"},
			400,
			`signature must begin with vault:v, the number of a version and a colon: nothing else says which version it is; did you mean the content of the file, signature=@release.sig?`,
		},
		"a signature of a later version": {
			logical.UpdateOperation, "verify/release",
			body{"input": hello, "signature": "vault:v2:" + signed[9:]},
			400,
			`the key has no version 2: its newest is 1`,
		},
		"encryption with a key that signs": {
			logical.UpdateOperation, "encrypt/release",
			body{"plaintext": hello},
			400,
			`the key signs and verifies, and a key of KMS does only one of the two; to encrypt, make a key of another type, or an RSA or SM2 key with key_usage=ENCRYPT/DECRYPT`,
		},
		"a data key of a key pair": {
			logical.UpdateOperation, "datakey/plaintext/release", nil, 400,
			`the key is of the type ecdsa-p256, and a data key needs a symmetric key, such as one of the type aes256-gcm96`,
		},
		"the public key of a symmetric key": {
			logical.ReadOperation, "export/public-key/hr", nil, 400,
			`key "hr" is of the type aes256-gcm96, which has no public key`,
		},
		"the public key of a version that is to come": {
			logical.ReadOperation, "export/public-key/release/3", nil, 400,
			`the version must be a number from 1 to 1, or latest`,
		},
		"a bound context of a key pair": {
			logical.UpdateOperation, "keys/release/config",
			body{"bound_context": "team=hr"},
			400,
			`the field "bound_context" can't be used: KMS binds nothing to what a key pair signs or encrypts`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := r.try(c.op, c.path, c.data)
			says(t, err, c.status, c.want)
		})
	}
}
