package seal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// fields are a configuration as OpenBao stores it.
type fields = map[string]any

// newPairRig is newRig with a service whose RSA keys come from testdata.
func newPairRig(t *testing.T) *rig {
	t.Helper()
	return rigOf(t, kmstest.WithKeyPairs(t, vectorPair), kmstest.Instance{})
}

// vectorPair returns the PKCS#8 of a key pair made by OpenSSL, and nil if there is none with that KeySpec.
func vectorPair(keySpec string) []byte {
	der, _ := os.ReadFile(filepath.Join(
		"..", "server", "internal", "asymmetric", "testdata", strings.ToLower(keySpec)+".pkcs8.der"))
	return der
}

// keyFields returns the configuration of External Keys, with changes. Fields that become nil are left out.
func (r *rig) keyFields(changes fields) fields {
	all := fields{}
	for name, value := range r.settings(map[string]string{"kms_key_id": ""}) {
		all[name] = value
	}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

func (r *rig) tryOpen(changes fields) (*ExternalKeys, error) {
	e := &ExternalKeys{Clock: r.kms.Now}
	return e, e.Open(r.t.Context(), &kms.OpenOptions{ConfigMap: r.keyFields(changes)})
}

// open returns External Keys of the same process, with the rig's settings and changes.
func (r *rig) open(changes fields) *ExternalKeys {
	r.t.Helper()
	e, err := r.tryOpen(changes)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, e.Close(r.t.Context())) })
	return e
}

func (r *rig) getKey(from kms.KMS, of fields) kms.Key {
	r.t.Helper()
	k, err := from.GetKey(r.t.Context(), &kms.KeyOptions{ConfigMap: of})
	require.NoError(r.t, err)
	return k
}

// pair creates a key pair, and returns the fields of its key.
func (r *rig) pair(keySpec string) fields {
	r.t.Helper()
	made, err := r.admin.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{
		KeySpec: keySpec, DKMSInstanceId: r.instance.ID,
	})
	require.NoError(r.t, err)
	id := made.KeyMetadata.KeyId
	versions, err := r.admin.ListKeyVersions(r.t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: id})
	require.NoError(r.t, err)
	return fields{"key_id": id, "key_version_id": versions.KeyVersions.KeyVersion[0].KeyVersionId}
}

func (r *rig) encrypt(k kms.Key, plaintext, additional string) []byte {
	r.t.Helper()
	ciphertext, err := k.Encrypt(r.t.Context(), &kms.CipherOptions{Data: []byte(plaintext), AAD: []byte(additional)})
	require.NoError(r.t, err)
	return ciphertext
}

func tryDecrypt(t testing.TB, k kms.Key, ciphertext []byte, additional string) (string, error) {
	opened, err := k.Decrypt(t.Context(), &kms.CipherOptions{Data: ciphertext, AAD: []byte(additional)})
	return string(opened), err
}

func (r *rig) decrypts(k kms.Key, ciphertext []byte, additional, plaintext string) {
	r.t.Helper()
	opened, err := tryDecrypt(r.t, k, ciphertext, additional)
	require.NoError(r.t, err)
	require.Equal(r.t, plaintext, opened)
}
