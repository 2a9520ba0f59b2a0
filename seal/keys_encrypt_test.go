package seal

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAnExternalKeyEncryptsOverBothGateways(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		calls := len(r.audit())
		k := r.getKey(r.open(nil), fields{"key_id": r.key})
		require.Len(t, r.audit(), calls, "KMS is called only when a key is used")
		r.decrypts(k, r.encrypt(k, "hello", ""), "", "hello")
		require.Equal(t, []string{"Encrypt", "Decrypt"}, r.audited(calls))

		largest := strings.Repeat("\x00\xff", kmsapi.MaxPlaintext/2)
		r.decrypts(k, r.encrypt(k, largest, "\x00\xff"), "\x00\xff", largest)
	})
}

func TestAdditionalDataAndTheBoundContextAreBound(t *testing.T) {
	r := newRig(t)
	opened := r.open(nil)
	plain := r.getKey(opened, fields{"key_id": r.key})
	bound := r.getKey(opened, fields{"key_id": r.key, "bound_context": fields{"app": "web"}})
	of := r.encrypt(bound, "hello", "aad")
	r.decrypts(bound, of, "aad", "hello")
	for _, other := range []struct {
		key        kms.Key
		additional string
	}{{bound, ""}, {bound, "AAD"}, {bound, "aad\x00"}, {plain, "aad"}, {plain, ""}} {
		_, err := tryDecrypt(t, other.key, of, other.additional)
		require.ErrorContains(t, err, "bound_context differ")
	}
	_, err := tryDecrypt(t, plain, r.encrypt(plain, "hello", ""), "aad")
	require.Error(t, err)

	json := r.getKey(opened, fields{"key_id": r.key, "bound_context": `{"app": "web"}`})
	r.decrypts(json, of, "aad", "hello")
}

// This makes transit's vault:v1:… the same string as the secrets engine's, so that each opens the other's.
func TestACiphertextIsTheBlobOfKMS(t *testing.T) {
	r := newRig(t)
	k := r.getKey(r.open(nil), fields{"key_id": r.key})
	encCtx := kmsapi.EncryptionContext{"vault:associated_data": base64.StdEncoding.EncodeToString([]byte("aad"))}
	opened, err := r.admin.Decrypt(t.Context(), &kmsapi.DecryptRequest{
		CiphertextBlob: base64.StdEncoding.EncodeToString(r.encrypt(k, "hello", "aad")), EncryptionContext: encCtx,
	})
	require.NoError(t, err)
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte("hello")), opened.Plaintext.Reveal())

	made, err := r.admin.Encrypt(t.Context(), &kmsapi.EncryptRequest{
		KeyId: r.key, Plaintext: kmsapi.NewSecret("aGVsbG8="), EncryptionContext: encCtx,
	})
	require.NoError(t, err)
	blob, err := base64.StdEncoding.DecodeString(made.CiphertextBlob)
	require.NoError(t, err)
	r.decrypts(k, blob, "aad", "hello")
}

// KMS opens the ciphertexts of every key that RAM allows, so the plugin compares.
func TestAnotherKeysCiphertextIsRefused(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		opened := r.open(nil)
		own, other := r.getKey(opened, fields{"key_id": r.key}), r.getKey(opened, fields{"key_id": r.newKey()})
		ciphertext := r.encrypt(other, "hello", "aad")
		got, err := tryDecrypt(t, own, ciphertext, "aad")
		require.ErrorIs(t, err, errOtherKeysCiphertext)
		require.Empty(t, got)
		r.decrypts(other, ciphertext, "aad", "hello")
	})
}

// A KMS key of another account must be named by its ARN. KMS answers with its id.
func TestAnExternalKeyMayBeNamedByItsARN(t *testing.T) {
	r := newPairRig(t)
	opened, pair := r.open(nil), r.pair(kmsapi.KeySpecP256)
	arn := "acs:kms:" + r.kms.Region + ":" + r.kms.Config().Accounts[0].ID + ":key/"
	byID, byARN := r.getKey(opened, fields{"key_id": r.key}), r.getKey(opened, fields{"key_id": arn + r.key})
	r.decrypts(byID, r.encrypt(byARN, "hello", ""), "", "hello")
	r.decrypts(byARN, r.encrypt(byID, "hello", ""), "", "hello")
	pair["key_id"] = arn + pair["key_id"].(string)
	_, err := r.getKey(opened, pair).Sign(t.Context(), &kms.SignOptions{Data: []byte("x"), SignerOpts: crypto.SHA256})
	require.NoError(t, err)
}

func TestAnAlteredCiphertextIsRefused(t *testing.T) {
	r := newRig(t)
	k := r.getKey(r.open(nil), fields{"key_id": r.key})
	ciphertext := r.encrypt(k, "hello", "")
	for at := 0; at < len(ciphertext); at += 7 {
		altered := slices.Clone(ciphertext)
		altered[at] ^= 1
		_, err := tryDecrypt(t, k, altered, "")
		require.Error(t, err, at)
	}
	for _, other := range [][]byte{ciphertext[:len(ciphertext)-1], append(slices.Clone(ciphertext), 0), []byte("hello")} {
		_, err := tryDecrypt(t, k, other, "")
		require.Error(t, err)
	}
}

func TestWhatIsTooLongOrEmptyIsRefusedWithoutACall(t *testing.T) {
	r := newRig(t)
	k := r.getKey(r.open(nil), fields{"key_id": r.key, "bound_context": fields{"app": "web"}})
	calls := len(r.audit())
	long := bytes.Repeat([]byte{1}, kmsapi.MaxPlaintext+1)
	for name, refused := range map[string]struct {
		use  func() error
		says string
	}{
		"too long a plaintext": {func() error {
			_, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: long})
			return err
		}, "1 to 6144 bytes, not 6145"},
		"no plaintext": {func() error {
			_, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: nil})
			return err
		}, "1 to 6144 bytes"},
		"too much additional data": {func() error {
			_, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x"), AAD: long})
			return err
		}, "additional data"},
		"no ciphertext": {func() error {
			_, err := tryDecrypt(t, k, nil, "")
			return err
		}, "ciphertext"},
		"too long a ciphertext": {func() error {
			_, err := tryDecrypt(t, k, make([]byte, maxKeyCiphertext+1), "")
			return err
		}, "ciphertext"},
	} {
		require.ErrorContains(t, refused.use(), refused.says, name)
	}
	require.Len(t, r.audit(), calls)
}

func TestAClosedKMSUsesNoKey(t *testing.T) {
	r := newRig(t)
	e := r.open(nil)
	k := r.getKey(e, fields{"key_id": r.key})
	ciphertext := r.encrypt(k, "hello", "")
	require.ErrorIs(t, e.Open(t.Context(), &kms.OpenOptions{ConfigMap: r.keyFields(nil)}), errOpen)
	require.NoError(t, e.Close(t.Context()))
	require.NoError(t, e.Close(t.Context()))
	_, err := tryDecrypt(t, k, ciphertext, "")
	require.ErrorIs(t, err, errClosed)
	_, err = k.ExportPublic(t.Context())
	require.ErrorIs(t, err, errClosed)
	_, err = e.GetKey(t.Context(), &kms.KeyOptions{ConfigMap: fields{"key_id": r.key}})
	require.ErrorIs(t, err, errClosed)
}
