package server_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm4gcm"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// SM4 key material is half as long as that of AES-256.
var (
	shortMaterial      = material[:16]
	otherShortMaterial = otherMaterial[:16]
)

func (l *lab) newSM4Importer(algorithm string) importer {
	l.t.Helper()
	return l.importer(l.createSM4("Origin", "EXTERNAL"), algorithm)
}

// openWith decrypts a ciphertext without the service, from the key and the documented layout.
func openWith(t testing.TB, key, blob []byte) string {
	t.Helper()
	cipher := sm4gcm.New((*[sm4gcm.KeySize]byte)(key))
	additional := append([]byte("alicloudkms blob v1\x00"), blob[:53]...)
	plaintext, err := cipher.Open(nil, blob[37:53], blob[53:], append(additional, 0, 0, 0, 0))
	require.NoError(t, err)
	return string(plaintext)
}

func TestMaterialOfSM4IsImported(t *testing.T) {
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			l := newLab(t, withSM)
			i := l.newSM4Importer(algorithm)
			for _, size := range []int{0, 1, 15, 17, 24, 32} {
				i.try(material[:size]).refused(t, kmsapi.ErrInvalidKeyMaterial)
			}
			i.tryWrapped("eA==").refused(t, kmsapi.ErrInvalidKeyMaterial)
			require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)
			i.mustTry(shortMaterial)
			blob := l.must("Encrypt", "KeyId", i.id, "Plaintext", "text").CiphertextBlob
			require.Equal(t, "text", openWith(t, shortMaterial, decode64(t, blob)))

			l.must("DeleteKeyMaterial", "KeyId", i.id)
			l.requireNoMaterialStored()
			l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)
			for _, other := range [][]byte{otherShortMaterial, material, bytes.Repeat(shortMaterial, 2), shortMaterial[:15]} {
				i.try(other).refused(t, kmsapi.ErrInvalidKeyMaterial)
			}
			i.mustTry(shortMaterial)
			require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
			l.requireGood()
		})
	}
}

func TestMaterialOfSM4IsWrappedByAnSM2Key(t *testing.T) {
	l := newSMLab(t)
	id := l.createSM4("Origin", "EXTERNAL")
	for _, size := range []int{1, 15, 17, 32} {
		l.importBySM2(id, material[:size]).refused(t, kmsapi.ErrInvalidKeyMaterial)
	}
	require.Equal(t, http.StatusOK, l.importBySM2(id, shortMaterial).status)
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	require.Equal(t, "text", openWith(t, shortMaterial, decode64(t, blob)))
	l.must("DeleteKeyMaterial", "KeyId", id)
	l.importBySM2(id, otherShortMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	l.importer(id, kmsapi.WrapOAEPSHA256).mustTry(shortMaterial)
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext, "the wrap does not matter")
}

func TestMaterialOfSM4Expires(t *testing.T) {
	l := newLab(t, withSM)
	i := l.newSM4Importer(kmsapi.WrapOAEPSHA256)
	i.mustTry(shortMaterial, "KeyMaterialExpireUnix", unix(l.now.Add(time.Hour)))
	blob := l.must("Encrypt", "KeyId", i.id, "Plaintext", "text").CiphertextBlob
	l.now = l.now.Add(time.Hour)
	l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)
	l.sweep()
	l.requireNoMaterialStored()
	i.try(otherShortMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	i.mustTry(shortMaterial)
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
}

func TestAKeyOfAESTakesNoMaterialOfSM4(t *testing.T) {
	l := newLab(t, withSM)
	i := l.newImporter()
	i.try(shortMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	i.mustTry(material)
}
