package server_test

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// newPairLab returns a lab whose RSA keys come from testdata.
func newPairLab(t testing.TB, change func(*server.Config)) *lab {
	l := newLab(t, change)
	l.close()
	l.adjust = func(o server.Options) server.Options { o.KeyPairs = vectorPair; return o }
	l.open()
	l.now = l.now.Add(time.Second)
	return l
}

// pair identifies a version of an asymmetric CMK in requests.
type pair struct{ id, version string }

func (l *lab) createPair(spec, usage string, more ...string) pair {
	l.t.Helper()
	id := l.createKey(append([]string{"KeySpec", spec, "KeyUsage", usage}, more...)...)
	version, err := l.service.PrimaryVersion(l.t.Context(), "123456", id)
	require.NoError(l.t, err)
	return pair{id, version}
}

func (p pair) with(pairs ...string) []string {
	return append([]string{"KeyId", p.id, "KeyVersionId", p.version}, pairs...)
}

func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

var aDigest = func() string {
	sum := sha256.Sum256([]byte("this is message \r\n"))
	return encode64(sum[:])
}()

var rsaSpecs = []string{kmsapi.KeySpecRSA2048, kmsapi.KeySpecRSA3072, kmsapi.KeySpecRSA4096}

func TestSignaturesAreRightAndVerified(t *testing.T) {
	l := newPairLab(t, nil)
	for _, spec := range append(rsaSpecs, kmsapi.KeySpecP256, kmsapi.KeySpecP256K) {
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageSignVerify) {
			t.Run(spec+" "+algorithm, func(t *testing.T) {
				l.t = t
				p := l.createPair(spec, "") // It signs by default.
				signed := l.must("AsymmetricSign", p.with("Algorithm", algorithm, "Digest", aDigest)...)
				require.Equal(t, p, pair{signed.KeyId, signed.KeyVersionId})
				verify := func(digest, value string) answer {
					return l.must("AsymmetricVerify", p.with("Algorithm", algorithm, "Digest", digest, "Value", value)...)
				}
				require.Equal(t, true, verify(aDigest, signed.Value.(string)).Value, "a boolean, not text")
				require.Equal(t, false, verify(encode64(make([]byte, 32)), signed.Value.(string)).Value)
				for _, wrong := range []string{"eA==", encode64(make([]byte, 256)), encode64([]byte{0x30, 0})} {
					require.Equal(t, false, verify(aDigest, wrong).Value, wrong)
				}
				public := l.must("GetPublicKey", p.with()...)
				block, rest := pem.Decode([]byte(public.PublicKey))
				require.Empty(t, rest)
				require.Equal(t, "PUBLIC KEY", block.Type)
				require.True(t, strings.HasSuffix(public.PublicKey, "-----END PUBLIC KEY-----\n"))
			})
		}
	}
}

func TestASignatureOfOpenSSLIsVerified(t *testing.T) {
	l := newPairLab(t, nil)
	for algorithm, file := range map[string]string{
		kmsapi.SignPSS: "rsa_2048.pss_sha256.sig", kmsapi.SignPKCS1v15: "rsa_2048.pkcs1_sha256.sig",
	} {
		p := l.createPair("RSA_2048", "SIGN/VERIFY")
		got := l.must("AsymmetricVerify", p.with("Algorithm", algorithm,
			"Digest", encode64(opensslFile("digest-sha256.bin")), "Value", encode64(opensslFile(file)))...)
		require.Equal(t, true, got.Value)
	}
}

func TestAPublicKeyEncryptsForAnAsymmetricKey(t *testing.T) {
	l := newPairLab(t, nil)
	for _, spec := range rsaSpecs {
		p := l.createPair(spec, "ENCRYPT/DECRYPT")
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageEncryptDecrypt) {
			sealed := l.must("AsymmetricEncrypt", p.with("Algorithm", algorithm, "Plaintext", "SGVsbG8gd29ybGQ=")...)
			opened := l.must("AsymmetricDecrypt",
				p.with("Algorithm", algorithm, "CiphertextBlob", sealed.CiphertextBlob)...)
			require.Equal(t, "SGVsbG8gd29ybGQ=", opened.Plaintext)
			require.Equal(t, p, pair{opened.KeyId, opened.KeyVersionId})
			name := map[string]string{kmsapi.EncryptOAEPSHA1: "sha1", kmsapi.EncryptOAEPSHA256: "sha256"}[algorithm]
			file := opensslFile(strings.ToLower(spec) + ".oaep_" + name + ".enc")
			opened = l.must("AsymmetricDecrypt", p.with("Algorithm", algorithm, "CiphertextBlob", encode64(file))...)
			require.Equal(t, "SGVsbG8gd29ybGQ=", opened.Plaintext, "OpenSSL encrypted it")
		}
	}
}

func TestAFailedDecryptionHasOneAnswer(t *testing.T) {
	l := newPairLab(t, nil)
	p := l.createPair("RSA_2048", "ENCRYPT/DECRYPT")
	good := opensslFile("rsa_2048.oaep_sha256.enc")
	changed := bytes.Clone(good)
	changed[100] ^= 1
	var message string
	for name, blob := range map[string]string{
		"not base64": "%%%", "too short": encode64(good[1:]), "too long": encode64(append(good, 0)),
		"changed": encode64(changed), "above the modulus": encode64(bytes.Repeat([]byte{255}, 256)),
		"with the other hash": encode64(opensslFile("rsa_2048.oaep_sha1.enc")),
		"of another size":     encode64(opensslFile("rsa_3072.oaep_sha256.enc")),
	} {
		got := l.do("AsymmetricDecrypt", p.with("Algorithm", "RSAES_OAEP_SHA_256", "CiphertextBlob", blob)...)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, "CiphertextBlob", name)
		if message == "" {
			message = got.Message
		}
		require.Equal(t, message, got.Message, name)
	}
}

func TestWhatAnAsymmetricKeyRefuses(t *testing.T) {
	l := newPairLab(t, nil)
	signs, decrypts := l.createPair("RSA_2048", "SIGN/VERIFY"), l.createPair("RSA_2048", "ENCRYPT/DECRYPT")
	curve := l.createPair("EC_P256", "SIGN/VERIFY")
	symmetric := l.createKey()
	version, err := l.service.PrimaryVersion(t.Context(), "123456", symmetric)
	require.NoError(t, err)
	aes := pair{symmetric, version}
	digest := []string{"Algorithm", "RSA_PSS_SHA_256", "Digest", aDigest}
	text := []string{"Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "eA=="}
	for name, tc := range map[string]struct {
		op     string
		params []string
		want   *kmsapi.Error
		says   string
	}{
		"a symmetric key that is to sign": {"AsymmetricSign", aes.with(digest...), kmsapi.ErrUnsupportedOperation, ""},
		"the public key of a symmetric key": {
			"GetPublicKey", aes.with(), kmsapi.ErrUnsupportedOperation, "",
		},
		"a key that decrypts is to sign": {"AsymmetricSign", decrypts.with(digest...), kmsapi.ErrUnsupportedOperation, ""},
		"a key that signs is to encrypt": {"AsymmetricEncrypt", signs.with(text...), kmsapi.ErrUnsupportedOperation, ""},
		"Encrypt with an asymmetric key": {
			"Encrypt", []string{"KeyId", decrypts.id, "Plaintext", "eA=="}, kmsapi.ErrUnsupportedOperation, "",
		},
		"a data key by an asymmetric key": {
			"GenerateDataKey", []string{"KeyId", decrypts.id}, kmsapi.ErrUnsupportedOperation, "",
		},
		"an algorithm of another KeySpec": {
			"AsymmetricSign", curve.with(digest...), kmsapi.ErrInvalidParameter, `"Algorithm"`,
		},
		"a short digest": {
			"AsymmetricSign", signs.with("Algorithm", "RSA_PSS_SHA_256", "Digest", "eA=="), kmsapi.ErrInvalidParameter,
			`"Digest"`,
		},
		"a digest that is not base64": {
			"AsymmetricSign", signs.with("Algorithm", "RSA_PSS_SHA_256", "Digest", "%"), kmsapi.ErrInvalidParameter,
			`"Digest"`,
		},
		"a signature that is not base64": {
			"AsymmetricVerify", signs.with(append(digest, "Value", "%")...), kmsapi.ErrInvalidParameter, `"Value"`,
		},
		"a plaintext that is too long": {
			"AsymmetricEncrypt",
			decrypts.with("Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", encode64(make([]byte, 191))),
			kmsapi.ErrInvalidParameter, `"Plaintext"`,
		},
		"a plaintext that is not base64": {
			"AsymmetricEncrypt", decrypts.with("Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "%"),
			kmsapi.ErrInvalidParameter, `"Plaintext"`,
		},
		"a version of another key": {
			"AsymmetricSign", append(pair{signs.id, curve.version}.with(), digest...), kmsapi.ErrKeyVersionNotFound, "",
		},
		"a version that does not exist": {
			"GetPublicKey", pair{signs.id, "../../cmk/" + signs.id}.with(), kmsapi.ErrKeyVersionNotFound, "",
		},
		"no version": {
			"AsymmetricSign", append([]string{"KeyId", signs.id}, digest...), kmsapi.ErrMissingParameter, "KeyVersionId",
		},
		"a key that does not exist": {
			"AsymmetricSign", append(pair{"00000000-0000-4000-8000-000000000000", curve.version}.with(), digest...),
			kmsapi.ErrKeyNotFound, "",
		},
		"a curve for encryption": {
			"CreateKey",
			[]string{"KeySpec", "EC_P256", "KeyUsage", "ENCRYPT/DECRYPT"},
			kmsapi.ErrInvalidParameter,
			`"KeyUsage"`,
		},
		"a symmetric key for signatures": {
			"CreateKey", []string{"KeyUsage", "SIGN/VERIFY"}, kmsapi.ErrInvalidParameter, `"KeyUsage"`,
		},
		"SM2": {"CreateKey", []string{"KeySpec", "EC_SM2"}, kmsapi.ErrUnsupportedOperation, "EC_SM2"},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			got := l.do(tc.op, tc.params...)
			got.refused(t, tc.want)
			require.Contains(t, got.Message, tc.says)
		})
	}
}

func TestTheMetadataOfAnAsymmetricKey(t *testing.T) {
	l := newPairLab(t, nil)
	got := l.must("CreateKey", "KeySpec", "EC_P256").KeyMetadata
	require.Equal(t, "EC_P256", got.KeySpec)
	require.Equal(t, "SIGN/VERIFY", got.KeyUsage)
	require.Empty(t, got.PrimaryKeyVersion, "each request names a version")
	require.Equal(t, got, l.must("DescribeKey", "KeyId", got.KeyId).KeyMetadata)
}

func TestKeyPairsOutliveARestart(t *testing.T) {
	l := newPairLab(t, nil)
	p := l.createPair("EC_P256K", "")
	public := l.must("GetPublicKey", p.with()...).PublicKey
	l.restart()
	require.Equal(t, public, l.must("GetPublicKey", p.with()...).PublicKey)
	l.must("AsymmetricSign", p.with("Algorithm", "ECDSA_SHA_256", "Digest", aDigest)...)
}

// wrapPair encrypts a private key for an import.
func wrapPair(t testing.TB, publicKey string, pkcs8 []byte) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(publicKey)
	require.NoError(t, err)
	parsed, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	ephemeral := make([]byte, 32)
	_, _ = rand.Read(ephemeral)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, parsed.(*rsa.PublicKey), ephemeral, nil)
	require.NoError(t, err)
	block, err := aes.NewCipher(ephemeral)
	require.NoError(t, err)
	n := aes.BlockSize - len(pkcs8)%aes.BlockSize
	padded := append(bytes.Clone(pkcs8), bytes.Repeat([]byte{byte(n)}, n)...)
	for at := 0; at < len(padded); at += aes.BlockSize {
		block.Encrypt(padded[at:], padded[at:])
	}
	return encode64(append(wrapped, padded...))
}

// importPair imports a private key into a CMK.
func (l *lab) importPair(id string, pkcs8 []byte) answer {
	l.t.Helper()
	got := l.must("GetParametersForImport", "KeyId", id, "WrappingKeySpec", "RSA_2048",
		"WrappingAlgorithm", kmsapi.WrapKeyPair)
	return l.do("ImportKeyMaterial", "KeyId", id, "ImportToken", got.ImportToken,
		"EncryptedKeyMaterial", wrapPair(l.t, got.PublicKey, pkcs8))
}

func TestAKeyPairIsImportedAndNoOtherAfterIt(t *testing.T) {
	l := newPairLab(t, nil)
	for spec, file := range map[string]string{
		"RSA_2048": "rsa_2048", "RSA_3072": "rsa_3072", "RSA_4096": "rsa_4096", "EC_P256": "prime256v1",
		"EC_P256K": "secp256k1",
	} {
		t.Run(spec, func(t *testing.T) {
			l.t = t
			p := l.createPair(spec, "", "Origin", "EXTERNAL")
			l.do("GetPublicKey", p.with()...).refused(t, kmsapi.ErrRejectedPendingImport)
			pkcs8 := opensslFile(file + ".pkcs8.der")
			require.Equal(t, http.StatusOK, l.importPair(p.id, pkcs8).status)
			want := string(opensslFile(file + ".pub.pem"))
			require.Equal(t, want, l.must("GetPublicKey", p.with()...).PublicKey)
			algorithm := kmsapi.Algorithms(spec, kmsapi.KeyUsageSignVerify)[0]
			l.must("AsymmetricSign", p.with("Algorithm", algorithm, "Digest", aDigest)...)

			l.must("DeleteKeyMaterial", "KeyId", p.id)
			l.do("GetPublicKey", p.with()...).refused(t, kmsapi.ErrRejectedPendingImport)
			for other, wrong := range map[string][]byte{
				"another kind": opensslFile("rsa_2048.pub.pem"), "cut short": pkcs8[:len(pkcs8)-1], "nothing": nil,
			} {
				start := time.Now()
				l.importPair(p.id, wrong).refused(t, kmsapi.ErrInvalidKeyMaterial)
				require.Greater(t, time.Since(start), 250*time.Millisecond, other)
			}
			require.Equal(t, http.StatusOK, l.importPair(p.id, pkcs8).status, "the same again")
			require.Equal(t, want, l.must("GetPublicKey", p.with()...).PublicKey)
		})
	}
}

func TestAnotherKeyPairThanTheFirstIsRefused(t *testing.T) {
	l := newPairLab(t, nil)
	p := l.createPair("EC_P256", "", "Origin", "EXTERNAL")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, l.importPair(p.id, pkcs8).status)
	// The example in the reference.
	other, err := base64.StdEncoding.DecodeString("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmyS7wG17" +
		"ce15NuGFfAETH+QMTVl9" +
		"BxZ9/Nso9dhtccahRANCAAR/gkjsd9sridLbXUyiiqW+G3EbqrfOjH98zPxoQPx4TmPrJqa6ykuzpk4FVS5euUOZLbqvC4t4ALkI5INH7Yxn")
	require.NoError(t, err)
	l.importPair(p.id, other).refused(t, kmsapi.ErrInvalidKeyMaterial)
	second := l.createPair("EC_P256", "", "Origin", "EXTERNAL")
	require.Equal(t, http.StatusOK, l.importPair(second.id, other).status)
	got := l.must("AsymmetricVerify", second.with("Algorithm", "ECDSA_SHA_256", "Digest", aDigest, "Value",
		"MEQCIF5rDpNI/rgr7kqTTU5JlzrveqkYb+fmn0iSNukSz2M7AiBYTmoNJHQDxhZuf3EqFfz5DAYXwK/nu43Mxn+ShKG/cA==")...)
	require.Equal(t, true, got.Value)
}

func TestTheWrappingAlgorithmFitsTheKey(t *testing.T) {
	l := newPairLab(t, nil)
	for id, algorithm := range map[string]string{
		l.createKey("Origin", "EXTERNAL"):                       kmsapi.WrapKeyPair,
		l.createKey("Origin", "EXTERNAL", "KeySpec", "EC_P256"): kmsapi.WrapOAEPSHA256,
	} {
		got := l.do("GetParametersForImport", "KeyId", id, "WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", algorithm)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, `"WrappingAlgorithm"`)
	}
}
