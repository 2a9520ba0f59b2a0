package server_test

import (
	"cmp"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (m *model) Encrypt(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusalUnless(k.isSymmetric())
	got, err := m.client.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: k.id, Plaintext: kmsapi.NewSecret(k.id)})
	agree(t, refusal, err)
	if refusal == nil {
		k.blob = got.CiphertextBlob
	}
}

func (m *model) GenerateDataKeyWithoutPlaintext(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusalUnless(k.isSymmetric())
	got, err := m.client.GenerateDataKeyWithoutPlaintext(t.Context(),
		&kmsapi.GenerateDataKeyWithoutPlaintextRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		k.blob = got.CiphertextBlob
	}
}

// ReEncrypt moves a ciphertext of any version of a CMK to the newest version of another CMK, or of the same one.
func (m *model) ReEncrypt(t *rapid.T) {
	from, to := m.pick(t), m.pick(t)
	r := from.source(t)
	r.DestinationKeyId = to.id
	refusal := kmsapi.ErrKeyNotFound
	if !from.gone && !to.gone {
		refusal = cmp.Or(from.refusal(useRefused), to.refusalUnless(to.isSymmetric()))
	}
	got, err := m.client.ReEncrypt(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		require.Equal(t, from.id, got.KeyId)
		to.blob = got.CiphertextBlob
	}
}

// source returns a request with a ciphertext of the CMK, which must have encrypted something.
func (k *modelKey) source(t *rapid.T) *kmsapi.ReEncryptRequest {
	switch {
	case k.decrypts() && len(k.made) > 0:
		made := rapid.SampledFrom(k.made).Draw(t, "ciphertext")
		return &kmsapi.ReEncryptRequest{
			CiphertextBlob: made.value, SourceKeyId: k.id, SourceKeyVersionId: made.version,
			SourceEncryptionAlgorithm: k.algorithm,
		}
	case k.blob == "":
		t.Skip("no ciphertext")
	}
	return &kmsapi.ReEncryptRequest{CiphertextBlob: k.blob}
}

func (m *model) EncryptByAlias(t *rapid.T) {
	name := m.name(t)
	k, refusal := m.aliases[name], kmsapi.ErrAliasNotFound
	if k != nil {
		refusal = k.refusalUnless(k.isSymmetric())
	}
	got, err := m.client.Encrypt(t.Context(),
		&kmsapi.EncryptRequest{KeyId: name, Plaintext: kmsapi.NewSecret("of an alias")})
	agree(t, refusal, err)
	if refusal == nil {
		require.Equal(t, k.id, got.KeyId)
		k.blob = got.CiphertextBlob
	}
}
