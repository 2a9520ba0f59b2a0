package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAnSM2KeySignsAndVerifies(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "") // It signs by default.
	metadata := l.metadata(p.id)
	require.Equal(t, "EC_SM2", metadata.KeySpec)
	require.Equal(t, "SIGN/VERIFY", metadata.KeyUsage)
	signed := l.must("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", aDigest)...)
	require.Equal(t, p, pair{signed.KeyId, signed.KeyVersionId})
	verify := func(digest, value string) any {
		return l.must("AsymmetricVerify", p.with("Algorithm", "SM2DSA", "Digest", digest, "Value", value)...).Value
	}
	require.Equal(t, true, verify(aDigest, signed.Value.(string)))
	require.Equal(t, false, verify(encode64(make([]byte, 32)), signed.Value.(string)))
	for _, wrong := range []string{"eA==", encode64(make([]byte, 64)), encode64([]byte{0x30, 0})} {
		require.Equal(t, false, verify(aDigest, wrong), wrong)
	}
	l.restart()
	require.Equal(t, true, verify(aDigest, signed.Value.(string)), "after a restart")
	newer := l.must("CreateKeyVersion", "KeyId", p.id).KeyVersion.KeyVersionId
	require.Equal(t, true, verify(aDigest, signed.Value.(string)), "by the version that has signed")
	got := l.must("AsymmetricVerify", pair{p.id, newer}.with("Algorithm", "SM2DSA", "Digest", aDigest,
		"Value", signed.Value.(string))...)
	require.Equal(t, false, got.Value, "by another version")
	require.NotEqual(t, l.must("GetPublicKey", p.with()...).PublicKey,
		l.must("GetPublicKey", pair{p.id, newer}.with()...).PublicKey)
	l.requireGood()
}

func TestAnSM2KeyEncryptsAndDecrypts(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "ENCRYPT/DECRYPT")
	for _, n := range []int{1, 16, 32, 190, 6047} {
		text := encode64(randomBytes(n))
		sealed := l.must("AsymmetricEncrypt", p.with("Algorithm", "SM2PKE", "Plaintext", text)...)
		require.Len(t, decode64(t, sealed.CiphertextBlob), n+97)
		opened := l.must("AsymmetricDecrypt", p.with("Algorithm", "SM2PKE", "CiphertextBlob", sealed.CiphertextBlob)...)
		require.Equal(t, text, opened.Plaintext)
		require.Equal(t, p, pair{opened.KeyId, opened.KeyVersionId})
	}
	for _, n := range []int{0, 6048} {
		got := l.do("AsymmetricEncrypt", p.with("Algorithm", "SM2PKE", "Plaintext", encode64(make([]byte, n)))...)
		require.Equal(t, http.StatusBadRequest, got.status)
		require.Contains(t, got.Message, "Plaintext")
	}
}

func TestTheVectorsOfOpenSSLForSM2(t *testing.T) {
	l := newSMLab(t)
	signs := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	decrypts := l.createPair("EC_SM2", "ENCRYPT/DECRYPT", "Origin", "EXTERNAL")
	for _, p := range []pair{signs, decrypts} {
		l.do("GetPublicKey", p.with()...).refused(t, kmsapi.ErrRejectedPendingImport)
		require.Equal(t, http.StatusOK, l.importSM2Pair(p.id, opensslFile("sm2.pkcs8.der")).status)
		require.Equal(t, string(opensslFile("sm2.pub.pem")), l.must("GetPublicKey", p.with()...).PublicKey)
	}
	got := l.must("AsymmetricVerify", signs.with("Algorithm", "SM2DSA",
		"Digest", encode64(opensslFile("sm2.digest-sm3-za-m.bin")), "Value", encode64(opensslFile("sm2.sm2dsa.sig")))...)
	require.Equal(t, true, got.Value)
	opened := l.must("AsymmetricDecrypt", decrypts.with("Algorithm", "SM2PKE",
		"CiphertextBlob", encode64(opensslFile("sm2.sm2pke.c1c3c2.enc")))...)
	require.Equal(t, "SGVsbG8gd29ybGQ=", opened.Plaintext)
}

func TestAFailedDecryptionOfAnSM2KeyHasOneAnswer(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "ENCRYPT/DECRYPT", "Origin", "EXTERNAL")
	require.Equal(t, http.StatusOK, l.importSM2Pair(p.id, opensslFile("sm2.pkcs8.der")).status)
	good := opensslFile("sm2.sm2pke.c1c3c2.enc")
	changed := func(at int) string {
		blob := bytes.Clone(good)
		blob[at] ^= 1
		return encode64(blob)
	}
	other := l.must("AsymmetricEncrypt", l.createPair("EC_SM2", "ENCRYPT/DECRYPT").
		with("Algorithm", "SM2PKE", "Plaintext", "eA==")...).CiphertextBlob
	bad := map[string]string{
		"not base64": "%%%", "too short": encode64(good[1:]), "without C2": encode64(good[:97]),
		"too long": encode64(append(bytes.Clone(good), 0)), "zeros": encode64(make([]byte, len(good))),
		"another format of the point": changed(0), "off the curve": changed(64), "C3": changed(96), "C2": changed(97),
		"in DER":           encode64(opensslFile("sm2.sm2pke.asn1.enc")),
		"6,145 bytes":      encode64(append(bytes.Clone(good), make([]byte, 6145-len(good))...)),
		"compressed":       encode64(append(append([]byte{2 | good[64]&1}, good[1:33]...), good[65:]...)),
		"another key's":    other,
		"of an RSA key":    encode64(opensslFile("rsa_2048.oaep_sha256.enc")),
		"the infinite one": encode64(append(make([]byte, 65), good[65:]...)),
	}
	messages := map[string]bool{}
	for name, blob := range bad {
		got := l.do("AsymmetricDecrypt", p.with("Algorithm", "SM2PKE", "CiphertextBlob", blob)...)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, "CiphertextBlob", name)
		messages[got.Message] = true
	}
	require.Len(t, messages, 1)
}

func TestWhatAnSM2KeyRefuses(t *testing.T) {
	l := newSMLab(t)
	signs, decrypts := l.createPair("EC_SM2", ""), l.createPair("EC_SM2", "ENCRYPT/DECRYPT")
	p256 := l.createPair("EC_P256", "")
	digest := []string{"Digest", aDigest}
	for name, tc := range map[string]struct {
		op, algorithm string
		key           pair
		params        []string
		want          *kmsapi.Error
	}{
		"ECDSA":             {"AsymmetricSign", "ECDSA_SHA_256", signs, digest, kmsapi.ErrInvalidParameter},
		"SM2DSA with P-256": {"AsymmetricSign", "SM2DSA", p256, digest, kmsapi.ErrInvalidParameter},
		"SM2PKE to sign":    {"AsymmetricSign", "SM2PKE", signs, digest, kmsapi.ErrInvalidParameter},
		"a key that decrypts, to sign": {
			"AsymmetricSign", "SM2DSA", decrypts, digest, kmsapi.ErrUnsupportedOperation,
		},
		"a key that signs, to encrypt": {
			"AsymmetricEncrypt", "SM2PKE", signs, []string{"Plaintext", "eA=="}, kmsapi.ErrUnsupportedOperation,
		},
		"OAEP": {
			"AsymmetricEncrypt", "RSAES_OAEP_SHA_256", decrypts, []string{"Plaintext", "eA=="}, kmsapi.ErrInvalidParameter,
		},
		"Encrypt": {"Encrypt", "", decrypts, []string{"Plaintext", "eA=="}, kmsapi.ErrUnsupportedOperation},
		"a digest of SHA-1": {
			"AsymmetricSign", "SM2DSA", signs, []string{"Digest", encode64(make([]byte, 20))}, kmsapi.ErrInvalidParameter,
		},
		"automatic rotation": {
			"UpdateRotationPolicy", "", signs,
			[]string{"EnableAutomaticRotation", "true", "RotationInterval", "30d"},
			kmsapi.ErrRejectedUnsupportedOperation,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			l.do(tc.op, tc.key.with(append(tc.params, "Algorithm", tc.algorithm)...)...).refused(t, tc.want)
		})
	}
}

func TestACiphertextOfAnSM2KeyMovesToASymmetricOne(t *testing.T) {
	l := newSMLab(t)
	p, to := l.createPair("EC_SM2", "ENCRYPT/DECRYPT"), l.createKey()
	sealed := l.must("AsymmetricEncrypt", p.with("Algorithm", "SM2PKE", "Plaintext", "c2VjcmV0")...).CiphertextBlob
	source := p.asymmetricSource("SM2PKE")
	moved := l.must("ReEncrypt", append(source, "CiphertextBlob", sealed, "DestinationKeyId", to)...)
	require.Equal(t, p, pair{moved.KeyId, moved.KeyVersionId})
	require.Equal(t, "c2VjcmV0", l.must("Decrypt", "CiphertextBlob", moved.CiphertextBlob).Plaintext)
	l.do("ReEncrypt", append(source, "CiphertextBlob", moved.CiphertextBlob, "DestinationKeyId", to)...).
		refused(t, kmsapi.ErrInvalidParameter)
}

func TestDataKeysAreExportedForAnSM2Key(t *testing.T) {
	l := newSMLab(t)
	id := l.createKey()
	for _, n := range []string{"16", "32", "1024"} {
		made := l.must("GenerateAndExportDataKey", append(toSM2Recipient(), "KeyId", id, "NumberOfBytes", n)...)
		key, ok := opensslSM2(t).Decrypt(decode64(t, made.ExportedDataKey))
		require.True(t, ok)
		require.Equal(t, l.must("Decrypt", "CiphertextBlob", made.CiphertextBlob).Plaintext, encode64(key))
		exported := l.must("ExportDataKey", append(toSM2Recipient(), "CiphertextBlob", made.CiphertextBlob)...)
		again, ok := opensslSM2(t).Decrypt(decode64(t, exported.ExportedDataKey))
		require.True(t, ok)
		require.Equal(t, key, again)
		require.NotEqual(t, made.ExportedDataKey, exported.ExportedDataKey)
	}
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", strings.Repeat("x", 6000)).CiphertextBlob
	l.must("ExportDataKey", append(toSM2Recipient(), "CiphertextBlob", blob)...)
	for name, public := range map[string]string{
		"an RSA key": publicKeyBlob("rsa_2048"), "on P-256": publicKeyBlob("prime256v1"), "off the curve": onSM2(),
		"a PEM file": string(opensslFile("sm2.pub.pem")), "nothing of one": "AAAA",
	} {
		got := l.do("GenerateAndExportDataKey", append(setPair(toSM2Recipient(), "PublicKeyBlob", public), "KeyId", id)...)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, `"PublicKeyBlob"`, name)
		require.Empty(t, got.ExportedDataKey)
	}
	for _, wrong := range [][2]string{{"WrappingKeySpec", "RSA_2048"}, {"WrappingAlgorithm", "RSAES_OAEP_SHA_256"}} {
		got := l.do("GenerateAndExportDataKey", append(setPair(toSM2Recipient(), wrong[0], wrong[1]), "KeyId", id)...)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, `"WrappingAlgorithm"`)
	}
}
