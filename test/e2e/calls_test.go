package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// call is a request that a policy may allow.
type call struct {
	name, method, path string
	data               map[string]any
}

// methods are the ways to call, by OpenAPI's names. (OpenAPI itself knows list only as a GET.)
var methods = map[string]func(m *mount, c call) error{
	"get":    func(m *mount, c call) error { _, err := m.client.Logical().Read(m.path + "/" + c.path); return err },
	"list":   func(m *mount, c call) error { _, err := m.client.Logical().List(m.path + "/" + c.path); return err },
	"post":   func(m *mount, c call) error { _, err := m.try(c.path, c.data); return err },
	"delete": func(m *mount, c call) error { _, err := m.client.Logical().Delete(m.path + "/" + c.path); return err },
	"patch": func(m *mount, c call) error {
		_, err := m.client.Logical().JSONMergePatch(m.t.Context(), m.path+"/"+c.path, c.data)
		return err
	},
}

func (c call) do(m *mount) error { return methods[c.method](m, c) }

// fixture is what the calls work on: a mount with the keys "a", "other", "pair", which signs, "data", which is in
// envelope mode, and "external", whose material is imported.
type fixture struct {
	config                map[string]any
	plaintext, ciphertext string
	// signature and hmac are the signature and the HMAC of plaintext.
	signature, hmac string
	// cmk is the CMK of "other".
	cmk string
	// imported holds the fields that import material into "external", and version those that import it into a new version.
	imported, version map[string]any
}

// fixture sets up what the calls work on.
func (s *stage) fixture(m *mount) fixture {
	m.t.Helper()
	f := fixture{config: s.kms.EngineConfig(), plaintext: newPlaintext()}
	m.write("keys/a", nil)
	f.ciphertext = m.encrypt("a", f.plaintext)
	f.cmk, _ = m.write("keys/other", nil)["key_id"].(string)
	m.write("keys/pair", map[string]any{"type": "ecdsa-p256"})
	f.signature, _ = m.write("sign/pair", map[string]any{"input": f.plaintext})["signature"].(string)
	m.write("keys/data", map[string]any{"encryption": "envelope"})
	f.hmac, _ = m.write("hmac/data", map[string]any{"input": f.plaintext})["hmac"].(string)
	m.write("keys/external", map[string]any{"origin": string(kmsapi.OriginExternal)})
	parameters := m.write("keys/external/import_parameters", nil)
	der, err := base64.StdEncoding.DecodeString(parameters["public_key_der"].(string))
	require.NoError(m.t, err)
	key, err := x509.ParsePKIXPublicKey(der)
	require.NoError(m.t, err)
	material := []byte(rand.Text() + rand.Text())[:kmsapi.KeyMaterialSize]
	shared.secrets.add(string(material))
	wrapped, err := client.WrapKeyMaterial(kmsapi.WrapOAEPSHA256, key.(*rsa.PublicKey), material)
	require.NoError(m.t, err)
	f.imported = map[string]any{"encrypted_key_material": wrapped, "import_token": parameters["import_token"]}
	m.write("keys/versions", nil)
	f.version = map[string]any{"ciphertext": m.wrap(material)}
	return f
}

// wrap returns material as transit's client wraps it for the mount.
func (m *mount) wrap(material []byte) string {
	m.t.Helper()
	block, _ := pem.Decode([]byte(m.read("wrapping_key")["public_key"].(string)))
	require.NotNil(m.t, block)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(m.t, err)
	wrapped := keywraptest.Wrapping{}.Wrap(m.t, key.(*rsa.PublicKey), material)
	return base64.StdEncoding.EncodeToString(wrapped)
}

// calls are all operations on all paths, and on a second key where policies name one. Each role makes them in this
// order, so allowed calls must leave everything as it was.
func (f fixture) calls() []call {
	plaintextAs := func(field string) map[string]any { return map[string]any{field: f.plaintext} }
	plaintext, ciphertext := plaintextAs("plaintext"), map[string]any{"ciphertext": f.ciphertext}
	batchOf := func(item map[string]any) map[string]any { return map[string]any{"batch_input": []any{item, item}} }
	input := map[string]any{"input": f.plaintext}
	signed := map[string]any{"input": f.plaintext, "signature": f.signature}
	checked := map[string]any{"input": f.plaintext, "hmac": f.hmac}
	tags := map[string]any{"tags": map[string]any{"team": "red"}}
	return []call{
		{"delete config", "delete", "config", nil},
		{"write config", "post", "config", f.config},
		{"patch config", "patch", "config", map[string]any{"max_retries": 2}},
		{"read config", "get", "config", nil},
		{"read regions", "get", "regions", nil},
		{"read health", "get", "health", nil},
		{"list KMS keys", "list", "cmks", nil},

		{"list keys", "list", "keys", nil},
		{"make a key", "post", "keys/b", nil},
		{"read a key", "get", "keys/a", nil},
		{"read a key's config", "get", "keys/a/config", nil},
		{"write a key's config", "post", "keys/a/config", map[string]any{"deletion_allowed": true}},
		{"patch a key's config", "patch", "keys/a/config", map[string]any{"deletion_allowed": true}},
		{"disable", "post", "keys/a/disable", nil},
		{"enable", "post", "keys/a/enable", nil},
		{"delete a key", "delete", "keys/a", nil},
		{"cancel deletion", "post", "keys/a/cancel_deletion", nil},
		{"rotate", "post", "keys/a/rotate", nil},
		{"rotate to a new KMS key", "post", "keys/versions/rotate", map[string]any{"new_cmk": true}},
		{"import a version", "post", "keys/versions/import_version", f.version},
		{"rotate to a KMS key", "post", "keys/versions/rotate", map[string]any{"key_id": f.cmk}},
		{"trim", "post", "keys/a/trim", map[string]any{"min_available_version": 1}},
		{"register", "post", "keys/c/register", map[string]any{"key_id": f.cmk}},
		{"deregister", "post", "keys/c/deregister", nil},
		{"write tags", "post", "keys/a/tags", tags},
		{"patch tags", "patch", "keys/a/tags", tags},
		{"read tags", "get", "keys/a/tags", nil},
		{"delete tags", "delete", "keys/a/tags", nil},
		{"read the wrapping key", "get", "wrapping_key", nil},
		{"get import parameters", "post", "keys/external/import_parameters", nil},
		{"import", "post", "keys/external/import", f.imported},
		{"delete material", "delete", "keys/external/material", nil},

		{"write an alias", "post", "aliases/red", map[string]any{"key": "a"}},
		{"list aliases", "list", "aliases", nil},
		{"read an alias", "get", "aliases/red", nil},
		{"delete an alias", "delete", "aliases/red", nil},

		{"encrypt", "post", "encrypt/a", plaintext},
		{"encrypt a batch", "post", "encrypt/a", batchOf(plaintext)},
		{"encrypt with another key", "post", "encrypt/other", plaintext},
		{"decrypt", "post", "decrypt/a", ciphertext},
		{"decrypt a batch", "post", "decrypt/a", batchOf(ciphertext)},
		{"rewrap", "post", "rewrap/a", ciphertext},
		{"rewrap a batch", "post", "rewrap/a", batchOf(ciphertext)},
		{"make a data key", "post", "datakey/plaintext/a", nil},
		{"make a wrapped data key", "post", "datakey/wrapped/a", nil},
		{"ask for random bytes", "post", "random", nil},
		{"ask for random bytes of a source", "post", "random/platform", nil},
		{"ask for 48 random bytes of a source", "post", "random/platform/48", nil},
		{"hash", "post", "hash", plaintextAs("input")},
		{"hash with a function in the path", "post", "hash/sha2-512", plaintextAs("input")},
		{"write the cache's size", "post", "cache-config", map[string]any{"size": 500}},
		{"read the cache's size", "get", "cache-config", nil},
		{"write whether encrypt makes keys", "post", "config/keys", map[string]any{"disable_upsert": true}},
		{"read whether encrypt makes keys", "get", "config/keys", nil},
		{"make a wrapped data key of another key", "post", "datakey/wrapped/other", nil},

		{"sign", "post", "sign/pair", input},
		{"sign a batch", "post", "sign/pair", batchOf(input)},
		{"sign with the hash in the path", "post", "sign/pair/sha2-256", input},
		{"verify", "post", "verify/pair", signed},
		{"verify a batch", "post", "verify/pair", batchOf(signed)},
		{"verify with the hash in the path", "post", "verify/pair/sha2-256", signed},
		{"make an HMAC", "post", "hmac/data", input},
		{"make HMACs of a batch", "post", "hmac/data", batchOf(input)},
		{"make an HMAC with the hash in the path", "post", "hmac/data/sha2-512", input},
		{"verify an HMAC", "post", "verify/data", checked},
		{"verify HMACs of a batch", "post", "verify/data", batchOf(checked)},
		{"read public keys", "get", "export/public-key/pair", nil},
		{"read the newest public key", "get", "export/public-key/pair/latest", nil},
	}
}
