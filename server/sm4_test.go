package server_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (l *lab) createSM4(pairs ...string) string {
	l.t.Helper()
	return l.createKey(append([]string{"KeySpec", kmsapi.KeySpecSM4}, pairs...)...)
}

func TestAKeyOfSM4EncryptsLikeOneOfAES(t *testing.T) {
	l := newLab(t, withSM)
	id := l.createSM4()
	described := l.metadata(id)
	require.Equal(t, "Aliyun_SM4", described.KeySpec)
	require.Equal(t, "ENCRYPT/DECRYPT", described.KeyUsage)
	require.NotEmpty(t, described.PrimaryKeyVersion)
	for name, plaintext := range map[string]string{
		"base64": "aGVsbG8gd29ybGQ=", "text": "密码 with spaces + and %", "one character": "!",
		"6 KB of bytes": base64.StdEncoding.EncodeToString(make([]byte, kmsapi.MaxPlaintext)),
	} {
		sealed := l.must("Encrypt", "KeyId", id, "Plaintext", plaintext, "EncryptionContext", `{"a":"b"}`)
		require.Equal(t, []string{id, described.PrimaryKeyVersion}, []string{sealed.KeyId, sealed.KeyVersionId}, name)
		blob := decode64(t, sealed.CiphertextBlob)
		require.Equal(t, sealed.KeyVersionId+"\x02", string(blob[:37]), name)
		require.Len(t, blob, len(plaintext)+69, name)
		opened := l.must("Decrypt", "CiphertextBlob", sealed.CiphertextBlob, "EncryptionContext", `{ "a":"b" }`)
		require.Equal(t, []string{plaintext, id, sealed.KeyVersionId},
			[]string{opened.Plaintext, opened.KeyId, opened.KeyVersionId}, name)
		for _, context := range []string{"", `{"a":"c"}`, `{"a":"b","c":"d"}`} {
			l.do("Decrypt", "CiphertextBlob", sealed.CiphertextBlob, "EncryptionContext", context).
				refused(t, kmsapi.ErrInvalidParameter)
		}
	}
	l.do("Encrypt", "KeyId", id, "Plaintext", strings.Repeat("-", kmsapi.MaxPlaintext+1)).
		refused(t, kmsapi.ErrInvalidParameter)
	l.do("Encrypt", "KeyId", id, "Plaintext", "eA==", "DryRun", "true").refused(t, kmsapi.ErrDryRunOperation)
	l.do("AsymmetricEncrypt", "KeyId", id, "KeyVersionId", described.PrimaryKeyVersion,
		"Algorithm", "SM2PKE", "Plaintext", "eA==").refused(t, kmsapi.ErrUnsupportedOperation)
	l.do("CreateKey", "KeySpec", "Aliyun_SM4", "KeyUsage", "SIGN/VERIFY").refused(t, kmsapi.ErrInvalidParameter)
	l.requireGood()
}

func TestDataKeysOfAKeyOfSM4(t *testing.T) {
	l := newLab(t, withSM)
	id := l.createSM4()
	for action, more := range map[string][]string{
		"GenerateDataKey": nil, "GenerateDataKeyWithoutPlaintext": nil, "GenerateAndExportDataKey": toRecipient(),
	} {
		made := l.must(action, append([]string{"KeyId", id, "NumberOfBytes", "32"}, more...)...)
		opened := l.must("Decrypt", "CiphertextBlob", made.CiphertextBlob).Plaintext
		key := decode64(t, opened)
		require.Len(t, key, 32, action)
		if made.Plaintext != "" {
			require.Equal(t, opened, made.Plaintext)
		}
		exported := l.must("ExportDataKey", append(toRecipient(), "CiphertextBlob", made.CiphertextBlob)...)
		require.Equal(t, key, unwrapExported(t, "RSAES_OAEP_SHA_256", exported.ExportedDataKey), action)
		if made.ExportedDataKey != "" {
			require.Equal(t, key, unwrapExported(t, "RSAES_OAEP_SHA_256", made.ExportedDataKey))
		}
	}
}

func TestReEncryptMovesBetweenAESAndSM4(t *testing.T) {
	l := newPairLab(t, withSM)
	aes, sm4, other := l.createKey(), l.createSM4(), l.createSM4()
	p := l.createPair("RSA_2048", "ENCRYPT/DECRYPT")
	encrypt := p.with("Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "dGV4dA==")
	blob := l.must("AsymmetricEncrypt", encrypt...).CiphertextBlob
	blob = l.must("ReEncrypt", append(p.asymmetricSource("RSAES_OAEP_SHA_256"), "CiphertextBlob", blob,
		"DestinationKeyId", sm4)...).CiphertextBlob
	context := ""
	for n, to := range []string{aes, sm4, other, other, aes} {
		next := fmt.Sprintf(`{"step":"%d"}`, n)
		blob = l.must("ReEncrypt", "CiphertextBlob", blob, "SourceEncryptionContext", context, "DestinationKeyId", to,
			"DestinationEncryptionContext", next).CiphertextBlob
		context = next
		opened := l.must("Decrypt", "CiphertextBlob", blob, "EncryptionContext", context)
		require.Equal(t, []string{to, "dGV4dA=="}, []string{opened.KeyId, opened.Plaintext})
	}
}

func TestVersionsOfAKeyOfSM4(t *testing.T) {
	l := newLab(t, withSM)
	id := l.createSM4("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	var blobs []string
	encrypt := func() {
		blobs = append(blobs, l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob)
	}
	encrypt()
	l.must("CreateKeyVersion", "KeyId", id)
	encrypt()
	l.now = l.now.Add(7 * day)
	l.sweep()
	encrypt()
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "false")
	l.now = l.now.Add(7 * day)
	l.sweep()
	versions := l.listed(id)
	require.Len(t, versions, 3)
	for n, text := range blobs {
		require.Equal(t, versions[2-n], l.must("Decrypt", "CiphertextBlob", text).KeyVersionId)
		for _, version := range versions {
			blob := decode64(t, text)
			if copy(blob, version); version == versions[2-n] {
				continue
			}
			l.do("Decrypt", "CiphertextBlob", encode64(blob)).refused(t, kmsapi.ErrInvalidParameter)
		}
	}
	l.requireGood()
}

// TestASpoiltCiphertextOfSM4DoesNotOpen changes every byte after the id of the version, and mixes ids, formats and
// ciphertexts of AES and SM4. All get the same answer.
func TestASpoiltCiphertextOfSM4DoesNotOpen(t *testing.T) {
	l := newLab(t, withSM)
	seal := func(id string) []byte {
		return decode64(t, l.must("Encrypt", "KeyId", id, "Plaintext", strings.Repeat("text", 5)).CiphertextBlob)
	}
	sm4, aes := seal(l.createSM4()), seal(l.createKey())
	said := map[string]bool{}
	refused := func(blob []byte) {
		t.Helper()
		got := l.do("Decrypt", "CiphertextBlob", encode64(blob))
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Empty(t, got.Plaintext)
		said[got.Message] = true
	}
	for at := 36; at < len(sm4); at++ {
		changed := slices.Clone(sm4)
		changed[at] ^= 1 << (at % 8)
		refused(changed)
	}
	for n := 1; n < len(sm4); n++ {
		refused(sm4[:n])
	}
	refused(append(slices.Clone(sm4), 0))
	for _, mixed := range [][2][]byte{{sm4, aes}, {aes, sm4}} {
		for format := range 4 {
			refused(slices.Concat(mixed[0][:36], []byte{byte(format)}, mixed[1][37:]))
		}
		refused(slices.Concat(mixed[0][:53], mixed[1][53:]))
		refused(slices.Concat(mixed[0][:61], mixed[1][61:]))
	}
	require.Len(t, said, 1)
}

func TestASecretIsEncryptedByAKeyOfSM4(t *testing.T) {
	l := newLab(t, withSM)
	id := l.createSM4()
	value := func(version string) string {
		answer := l.must("GetSecretValue", "SecretName", "s", "VersionId", version)
		return into[kmsapi.GetSecretValueResponse](t, answer).SecretData.Reveal()
	}
	l.must("CreateSecret", "SecretName", "s", "VersionId", "1", "SecretData", "one", "EncryptionKeyId", id)
	l.must("CreateKeyVersion", "KeyId", id)
	l.must("PutSecretValue", "SecretName", "s", "VersionId", "2", "SecretData", "two")
	l.restart()
	require.Equal(t, []string{"one", "two"}, []string{value("1"), value("2")})
	l.must("PutSecretValue", "SecretName", "s", "VersionId", "1", "SecretData", "one")
	l.do("PutSecretValue", "SecretName", "s", "VersionId", "1", "SecretData", "two").refused(t, kmsapi.ErrResourceExists)
	l.requireGood()
	l.must("DisableKey", "KeyId", id)
	l.do("GetSecretValue", "SecretName", "s").refused(t, kmsapi.ErrRejectedDisabled)
}

func TestAKeyOfSM4InAnInstance(t *testing.T) {
	l := newLab(t, withSM)
	instance := l.config.Instances[0].ID
	id := l.createSM4("DKMSInstanceId", instance)
	require.Equal(t, instance, l.metadata(id).DKMSInstanceId)
	sealed := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==")
	require.Equal(t, id, sealed.KeyVersionId[:len(id)])
	require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", sealed.CiphertextBlob).Plaintext)
	got := l.sendTo(instance, l.signed("Decrypt", "CiphertextBlob", sealed.CiphertextBlob).Form())
	require.Equal(t, "eA==", got.Plaintext)
	l.config.StrictDefaultKeys = true
	l.restart()
	l.do("CreateKey", "KeySpec", "Aliyun_SM4").refused(t, kmsapi.ErrUnsupportedOperation)
	l.createSM4("DKMSInstanceId", instance)
}
