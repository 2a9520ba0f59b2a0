package seal

import (
	"crypto"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An answering KMS answers every request for an action in the same way.
type answering map[kmsapi.Operation]map[string]any

// open returns External Keys of a KMS that answers like a, over HTTP on loopback.
func (a answering) open(t *testing.T) *ExternalKeys {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{"RequestId": "request-1"}
		maps.Copy(answer, a[kmsapi.Operation(r.FormValue("Action"))])
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	e := new(ExternalKeys)
	require.NoError(t, e.Open(t.Context(), &kms.OpenOptions{ConfigMap: fields{
		"endpoint": server.URL, "access_key": "LTAI", "secret_key": "x",
	}}))
	t.Cleanup(func() { require.NoError(t, e.Close(t.Context())) })
	return e
}

// Answers about another key, or to something other than the request, are not passed on.
func TestAnswersThatAreNotTheKeysAreRefused(t *testing.T) {
	public := func(name string) string {
		content, err := os.ReadFile(filepath.Join("..", "server", "internal", "asymmetric", "testdata", name+".pub.pem"))
		require.NoError(t, err)
		return string(content)
	}
	type answer = map[string]any
	encrypting, signing := fields{"key_id": "key-a"}, fields{"key_id": "key-a", "key_version_id": "v1"}
	own := answer{"KeyId": "key-a", "KeyVersionId": "v1", "PublicKey": public("prime256v1")}
	encrypt := func(k kms.Key) error {
		_, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
		return err
	}
	decrypt := func(k kms.Key) error {
		_, err := k.Decrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
		return err
	}
	sign := func(k kms.Key) error {
		_, err := k.Sign(t.Context(), &kms.SignOptions{Data: []byte("x"), SignerOpts: crypto.SHA256})
		return err
	}
	for name, tc := range map[string]struct {
		answers answering
		of      fields
		use     func(kms.Key) error
		says    string
	}{
		"another key encrypts": {
			answering{kmsapi.OpEncrypt: {"KeyId": "key-b", "CiphertextBlob": "aGVsbG8="}},
			encrypting, encrypt,
			"another KMS key",
		},
		"a ciphertext that is not base64": {
			answering{kmsapi.OpEncrypt: {"KeyId": "key-a", "CiphertextBlob": "aGVsbG9="}}, encrypting, encrypt, "not base64",
		},
		"another key decrypts": {
			answering{kmsapi.OpDecrypt: {"KeyId": "key-b", "Plaintext": "aGVsbG8="}}, encrypting, decrypt, "not of this key",
		},
		"no key decrypts": {
			answering{kmsapi.OpDecrypt: {"Plaintext": "aGVsbG8="}}, encrypting, decrypt, "",
		},
		"a plaintext that is not base64": {
			answering{kmsapi.OpDecrypt: {"KeyId": "key-a", "Plaintext": "hello"}}, encrypting, decrypt, "another program",
		},
		"the public key of another key": {
			answering{kmsapi.OpGetPublicKey: {"KeyId": "key-b", "KeyVersionId": "v1", "PublicKey": own["PublicKey"]}},
			signing, sign, "another KMS key",
		},
		"the public key of another version": {
			answering{kmsapi.OpGetPublicKey: {"KeyId": "key-a", "KeyVersionId": "v2", "PublicKey": own["PublicKey"]}},
			signing, sign, "another KMS key",
		},
		"a signature that is not the key's": {
			answering{kmsapi.OpGetPublicKey: own, kmsapi.OpAsymmetricSign: {"Value": "MAYCAQECAQE="}},
			signing, sign, "not one of the key",
		},
		"a signature that is not base64": {
			answering{kmsapi.OpGetPublicKey: own, kmsapi.OpAsymmetricSign: {"Value": "?"}},
			signing, sign, "not one of the key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := tc.answers.open(t).GetKey(t.Context(), &kms.KeyOptions{ConfigMap: tc.of})
			require.NoError(t, err)
			err = tc.use(k)
			require.Error(t, err)
			require.ErrorContains(t, err, tc.says)
		})
	}
}
