package alicloudkms

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// forged returns a ciphertext of hello with the given header, and with a data key that its maker knows.
func forged(h envelope.Header) string {
	key := envelope.NewKey(&[envelope.KeySize]byte{1})
	return versions.JoinBytes(int(h.Version), key.AppendMessage(nil, h, nil, []byte("hello")))
}

// headerOf returns the header of ciphertexts of a key.
func (r *rig) headerOf(key string) envelope.Header {
	r.t.Helper()
	return messageOfText(r.t, r.encrypt(key, hello)).Header
}

// withVersion returns a ciphertext of the key that claims to be of another version.
func (r *rig) withVersion(key string, n uint32) string {
	r.t.Helper()
	h := r.headerOf(key)
	h.Version = n
	return forged(h)
}

// wrappedBy returns a ciphertext of the key whose data key is wrapped by the CMK of another.
func (r *rig) wrappedBy(cmk, key string) string {
	r.t.Helper()
	h := r.headerOf(key)
	made := r.direct().do(&kmsapi.GenerateDataKeyRequest{
		KeyId: cmk, NumberOfBytes: envelope.KeySize, EncryptionContext: envelope.DataKeyContext(nil, h.ID, h.Version),
	}).(*kmsapi.GenerateDataKeyResponse)
	h.Wrapped = decoded(r.t, made.CiphertextBlob)
	key32 := envelope.NewKey((*[envelope.KeySize]byte)(decoded(r.t, made.Plaintext.Reveal())))
	return versions.JoinBytes(int(h.Version), key32.AppendMessage(nil, h, nil, []byte("hello")))
}

func decoded(t *testing.T, encoded string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	return data
}
