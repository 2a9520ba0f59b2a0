package server_test

import (
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ImportKeyMaterial imports the same material every time, since a CMK accepts no other (§4.3).
func (m *model) ImportKeyMaterial(t *rapid.T) {
	k, days := m.pick(t), rapid.IntRange(0, 9).Draw(t, "days")
	r := &kmsapi.ImportKeyMaterialRequest{KeyId: k.id}
	if days > 0 {
		r.KeyMaterialExpireUnix = int(m.kms.Now().Unix()) + days*24*60*60
	}
	algorithm := rapid.SampledFrom(kmsapi.WrappingAlgorithms(k.spec)).Draw(t, "algorithm")
	wrapped, err := m.client.GetParametersForImport(t.Context(), &kmsapi.GetParametersForImportRequest{
		KeyId: k.id, WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpec(algorithm),
	})
	switch {
	case k.gone:
		agree(t, kmsapi.ErrKeyNotFound, err)
		return
	case !k.external:
		agree(t, kmsapi.ErrUnsupportedOrigin, err)
		return
	}
	require.NoError(t, err)
	material := make([]byte, kmsapi.MaterialSize(k.spec))
	if !k.isSymmetric() {
		material = opensslFile(k.file + ".pkcs8.der")
	}
	r.ImportToken, r.EncryptedKeyMaterial = wrapped.ImportToken, wrapBy(m.t, algorithm, wrapped.PublicKey, material)
	refusal := k.refusal(changeRefused)
	_, err = m.client.ImportKeyMaterial(t.Context(), r)
	agree(t, refusal, err)
	if refusal != nil {
		return
	}
	k.material, k.expireDay = material, 0
	if days > 0 {
		k.expireDay = m.day + days
	}
	if k.state == kmsapi.PendingImport {
		k.state = kmsapi.Enabled
	}
}

func (m *model) DeleteKeyMaterial(t *rapid.T) {
	k := m.pick(t)
	_, err := m.client.DeleteKeyMaterial(t.Context(), &kmsapi.DeleteKeyMaterialRequest{KeyId: k.id})
	switch {
	case k.gone:
		agree(t, kmsapi.ErrKeyNotFound, err)
	case !k.external:
		agree(t, kmsapi.ErrUnsupportedOrigin, err)
	default:
		require.NoError(t, err)
		k.loseMaterial()
	}
}

func (k *modelKey) loseMaterial() {
	k.material, k.expireDay = nil, 0
	if k.state != kmsapi.PendingDeletion {
		k.state = kmsapi.PendingImport
	}
}
