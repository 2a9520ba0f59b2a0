package server_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// publicKeyBlob returns the content of a PEM file without its first and last line, and without line breaks.
func publicKeyBlob(name string) string {
	block, _ := pem.Decode(opensslFile(name + ".pub.pem"))
	return base64.StdEncoding.EncodeToString(block.Bytes)
}

// publicKeyWithExponent returns a public key that differs from the recipient's only in its exponent.
func publicKeyWithExponent(t testing.TB, exponent int) string {
	block, _ := pem.Decode(opensslFile("rsa_2048.pub.pem"))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: parsed.(*rsa.PublicKey).N, E: exponent})
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

// onSM2 returns a public key that claims to be on SM2: a point on P-256 with the object identifier of SM2.
func onSM2() string {
	block, _ := pem.Decode(opensslFile("prime256v1.pub.pem"))
	named := bytes.Replace(block.Bytes, []byte("\x2a\x86\x48\xce\x3d\x03\x01\x07"),
		[]byte("\x2a\x81\x1c\xcf\x55\x01\x82\x2d"), 1)
	return base64.StdEncoding.EncodeToString(named)
}

// toRecipient returns the parameters that name a public key to wrap a data key.
func toRecipient() []string {
	return []string{
		"PublicKeyBlob", publicKeyBlob("rsa_2048"), "WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_OAEP_SHA_256",
	}
}

// unwrapExported decrypts a data key that was wrapped for the recipient.
func unwrapExported(t testing.TB, algorithm, exported string) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(opensslFile("rsa_2048.pkcs8.der"))
	require.NoError(t, err)
	wrapped, err := base64.StdEncoding.DecodeString(exported)
	require.NoError(t, err)
	require.Len(t, wrapped, 256)
	h := map[string]hash.Hash{"RSAES_OAEP_SHA_1": sha1.New(), "RSAES_OAEP_SHA_256": sha256.New()}[algorithm]
	plain, err := rsa.DecryptOAEP(h, nil, key.(*rsa.PrivateKey), wrapped, nil)
	require.NoError(t, err)
	return plain
}

func TestDataKeysHaveTheLengthAskedFor(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.must("CreateAlias", "KeyId", id, "AliasName", "alias/a")
	for _, tc := range []struct {
		name  string
		pairs []string
		bytes int
	}{
		{"by default", nil, 32},
		{"AES_256", []string{"KeySpec", "AES_256"}, 32},
		{"AES_128", []string{"KeySpec", "AES_128"}, 16},
		{"one byte", []string{"NumberOfBytes", "1"}, 1},
		{"1,024 bytes", []string{"NumberOfBytes", "1024"}, 1024},
		{"a number wins over a spec", []string{"NumberOfBytes", "64", "KeySpec", "AES_128"}, 64},
		{"with a context", []string{"EncryptionContext", `{"a":"b"}`}, 32},
	} {
		for action, shown := range map[string]bool{"GenerateDataKey": true, "GenerateDataKeyWithoutPlaintext": false} {
			t.Run(action+" "+tc.name, func(t *testing.T) {
				w := w.in(t)
				got := w.must(action, append([]string{"KeyId", "alias/a"}, tc.pairs...)...)
				require.Equal(t, id, got.KeyId)
				opened := w.must("Decrypt", setPair([]string{"CiphertextBlob", got.CiphertextBlob}, "EncryptionContext",
					pairOf(tc.pairs, "EncryptionContext"))...)
				require.Equal(t, got.KeyVersionId, opened.KeyVersionId)
				key, err := base64.StdEncoding.DecodeString(opened.Plaintext)
				require.NoError(t, err)
				require.Len(t, key, tc.bytes)
				require.Equal(t, shown, got.Plaintext == opened.Plaintext)
				require.Equal(t, shown, got.shows(opened.Plaintext))
			})
		}
	}
	for _, pairs := range [][]string{{"NumberOfBytes", "0"}, {"NumberOfBytes", "1025"}, {"KeySpec", "AES_512"}} {
		for _, action := range []string{"GenerateDataKey", "GenerateDataKeyWithoutPlaintext"} {
			w.do(action, append(pairs, "KeyId", id)...).refused(t, kmsapi.ErrInvalidParameter)
		}
	}
}

// shows reports whether the answer has a plaintext as a value or, unless it is so short that the base64 of other bytes
// may end with it, as part of one.
func (a answer) shows(plaintext string) bool {
	const short = 8
	body := string(a.body)
	return strings.Contains(body, `"`+plaintext+`"`) || len(plaintext) > short && strings.Contains(body, plaintext)
}

// pairOf returns the value of name in pairs.
func pairOf(pairs []string, name string) string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1]
		}
	}
	return ""
}

func TestAnExportedDataKeyIsTheSameUnderBothKeys(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	for algorithm, most := range map[string]int{"RSAES_OAEP_SHA_256": 190, "RSAES_OAEP_SHA_1": 214} {
		for _, length := range []int{1, 16, 32, most} {
			t.Run(fmt.Sprintf("%d bytes by %s", length, algorithm), func(t *testing.T) {
				w := w.in(t)
				to := setPair(toRecipient(), "WrappingAlgorithm", algorithm)
				made := w.must("GenerateAndExportDataKey", slices.Concat(to,
					[]string{"KeyId", id, "NumberOfBytes", strconv.Itoa(length), "EncryptionContext", `{"a":"b"}`})...)
				opened := w.must("Decrypt", "CiphertextBlob", made.CiphertextBlob, "EncryptionContext", `{"a":"b"}`)
				key := unwrapExported(t, algorithm, made.ExportedDataKey)
				require.Len(t, key, length)
				require.Equal(t, opened.Plaintext, base64.StdEncoding.EncodeToString(key), "the bytes, not their base64")

				again := w.must("ExportDataKey", slices.Concat(to,
					[]string{"CiphertextBlob", made.CiphertextBlob, "EncryptionContext", `{"a":"b"}`})...)
				require.Equal(t, key, unwrapExported(t, algorithm, again.ExportedDataKey))
				require.Equal(t, []string{id, made.KeyVersionId}, []string{again.KeyId, again.KeyVersionId})
				for _, got := range []answer{made, again} {
					require.Empty(t, got.Plaintext)
					require.False(t, got.shows(opened.Plaintext))
				}
			})
		}
		to := setPair(toRecipient(), "WrappingAlgorithm", algorithm)
		tooLong := w.do("GenerateAndExportDataKey", append(to, "KeyId", id, "NumberOfBytes", strconv.Itoa(most+1))...)
		tooLong.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, tooLong.Message, `"NumberOfBytes"`)
		blob := w.must("GenerateDataKey", "KeyId", id, "NumberOfBytes", strconv.Itoa(most+1)).CiphertextBlob
		tooLong = w.do("ExportDataKey", append(to, "CiphertextBlob", blob)...)
		tooLong.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, tooLong.Message, `"CiphertextBlob"`)
		require.Contains(t, tooLong.Message, strconv.Itoa(most))
	}
}

func TestTextThatIsNotBase64IsExportedAsItIs(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	for text, want := range map[string]string{
		"c2VjcmV0":          "secret",
		"YourPassword1234!": "YourPassword1234!",
		"c2Vj\ncmV0":        "c2Vj\ncmV0",
		"c2VjcmV=":          "c2VjcmV=", // No encoder writes this.
		"密码":                "密码",
	} {
		blob := w.must("Encrypt", "KeyId", id, "Plaintext", text).CiphertextBlob
		exported := w.must("ExportDataKey", append(toRecipient(), "CiphertextBlob", blob)...).ExportedDataKey
		require.Equal(t, want, string(unwrapExported(t, "RSAES_OAEP_SHA_256", exported)))
	}
}

// TestWhatOpenSSLWrapsIsWhatWeWrap decrypts files that OpenSSL has encrypted with the key of the tests above.
func TestWhatOpenSSLWrapsIsWhatWeWrap(t *testing.T) {
	for algorithm, file := range map[string]string{
		"RSAES_OAEP_SHA_1": "rsa_2048.oaep_sha1.enc", "RSAES_OAEP_SHA_256": "rsa_2048.oaep_sha256.enc",
	} {
		wrapped := base64.StdEncoding.EncodeToString(opensslFile(file))
		require.Equal(t, opensslFile("plaintext.bin"), unwrapExported(t, algorithm, wrapped))
	}
}

func TestAPublicKeyThatCantWrapIsRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	blob := w.must("GenerateDataKey", "KeyId", id).CiphertextBlob
	good, err := base64.StdEncoding.DecodeString(publicKeyBlob("rsa_2048"))
	require.NoError(t, err)
	parsed, err := x509.ParsePKIXPublicKey(good)
	require.NoError(t, err)
	changed := func(change func(*rsa.PublicKey)) string {
		key := *parsed.(*rsa.PublicKey)
		key.N = new(big.Int).Set(key.N)
		change(&key)
		der, err := x509.MarshalPKIXPublicKey(&key)
		require.NoError(t, err)
		return base64.StdEncoding.EncodeToString(der)
	}
	other, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	short, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	require.NoError(t, err)
	text := base64.StdEncoding.EncodeToString(good)
	for name, public := range map[string]string{
		"a PEM file":            string(opensslFile("rsa_2048.pub.pem")),
		"no base64":             "!" + text,
		"base64 for URLs":       base64.URLEncoding.EncodeToString(good),
		"cut off":               base64.StdEncoding.EncodeToString(good[:len(good)-1]),
		"extended":              base64.StdEncoding.EncodeToString(append(slices.Clone(good), 0)),
		"PKCS#1":                base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(parsed.(*rsa.PublicKey))),
		"of 1024 bits":          base64.StdEncoding.EncodeToString(short),
		"of 3072 bits":          publicKeyBlob("rsa_3072"),
		"on P-256":              publicKeyBlob("prime256v1"),
		"on secp256k1":          publicKeyBlob("secp256k1"),
		"on SM2":                onSM2(),
		"an exponent of 1":      publicKeyWithExponent(t, 1),
		"an exponent of 2":      publicKeyWithExponent(t, 2),
		"an even exponent":      publicKeyWithExponent(t, 65536),
		"an exponent too large": publicKeyWithExponent(t, 1<<32+1),
		"an even modulus":       changed(func(k *rsa.PublicKey) { k.N.SetBit(k.N, 0, 0) }),
		"1,025 characters":      text + strings.Repeat("\n", 1025-len(text)),
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			to := setPair(toRecipient(), "PublicKeyBlob", public)
			for _, got := range []answer{
				w.do("GenerateAndExportDataKey", append(to, "KeyId", id)...),
				w.do("ExportDataKey", append(to, "CiphertextBlob", blob)...),
			} {
				got.refused(t, kmsapi.ErrInvalidParameter)
				require.Contains(t, got.Message, `"PublicKeyBlob"`)
				require.Empty(t, got.ExportedDataKey)
				require.NotContains(t, got.Message, "asn1", "it is said in our words")
				if strings.HasPrefix(name, "on ") || strings.HasPrefix(name, "of ") {
					require.Contains(t, got.Message, "of an RSA key of 2048 bits", "it is the key of something else")
				}
			}
		})
	}
	for name, public := range map[string]string{
		"in lines":         text[:64] + "\n" + text[64:128] + "\r\n" + text[128:] + "\n",
		"an exponent of 3": publicKeyWithExponent(t, 3),
	} {
		t.Run(name, func(t *testing.T) {
			w.in(t).must("GenerateAndExportDataKey", append(setPair(toRecipient(), "PublicKeyBlob", public), "KeyId", id)...)
		})
	}
}

func TestWrappingKeysAndAlgorithmsMustFit(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	try := func(spec, algorithm string) answer {
		to := setPair(setPair(toRecipient(), "WrappingKeySpec", spec), "WrappingAlgorithm", algorithm)
		return w.do("GenerateAndExportDataKey", append(to, "KeyId", id)...)
	}
	for _, got := range []answer{try("RSA_2048", "SM2PKE"), try("EC_SM2", "RSAES_OAEP_SHA_256")} {
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, `"WrappingAlgorithm"`)
	}
	try("EC_SM2", "SM2PKE").refused(t, kmsapi.ErrUnsupportedOperation)
	for _, pair := range []string{"PublicKeyBlob", "WrappingKeySpec", "WrappingAlgorithm"} {
		w.do("GenerateAndExportDataKey", append(setPair(toRecipient(), pair, ""), "KeyId", id)...).
			refused(t, kmsapi.ErrMissingParameter)
	}
}

// Exporting a data key gives as much as decrypting it, so neither permission may imply the other.
func TestEachUseOfADataKeyIsAPermissionOfItsOwn(t *testing.T) {
	root := restricted(t)
	id := root.must("CreateKey").KeyMetadata.KeyId
	blob := root.must("GenerateDataKey", "KeyId", id).CiphertextBlob
	uses := map[string][]string{
		"GenerateDataKey":                 {"KeyId", id},
		"GenerateDataKeyWithoutPlaintext": {"KeyId", id},
		"Decrypt":                         {"CiphertextBlob", blob},
		"ExportDataKey":                   append(toRecipient(), "CiphertextBlob", blob),
		"GenerateAndExportDataKey":        append(toRecipient(), "KeyId", id),
	}
	for allowed := range uses {
		c := root.allow("LTAIsome", server.Allow{Actions: []string{"kms:" + allowed}, Resources: []string{keyARN(id)}})
		for action, pairs := range uses {
			if action == allowed {
				c.must(action, pairs...)
				continue
			}
			c.do(action, pairs...).refused(t, kmsapi.ErrNoPermission)
		}
	}
}

// FuzzPublicKeyBlob sends arbitrary bytes as a public key. Only an RSA key of 2048 bits may be accepted.
func FuzzPublicKeyBlob(f *testing.F) {
	l := newLab(f, withoutAudit)
	id := l.createKey()
	for _, name := range []string{"rsa_2048", "rsa_3072", "prime256v1", "secp256k1"} {
		block, _ := pem.Decode(opensslFile(name + ".pub.pem"))
		f.Add(block.Bytes)
		f.Add(block.Bytes[:len(block.Bytes)/2])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, der []byte) {
		l.t = t
		public := base64.StdEncoding.EncodeToString(der)
		got := l.do("GenerateAndExportDataKey", append(setPair(toRecipient(), "PublicKeyBlob", public), "KeyId", id)...)
		if got.status != 200 {
			require.Less(t, got.status, 500, "%s", got.body)
			require.Empty(t, got.ExportedDataKey)
			return
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		require.NoError(t, err)
		require.Equal(t, 2048, parsed.(*rsa.PublicKey).N.BitLen())
		wrapped, err := base64.StdEncoding.DecodeString(got.ExportedDataKey)
		require.NoError(t, err)
		require.Len(t, wrapped, 256)
	})
}
