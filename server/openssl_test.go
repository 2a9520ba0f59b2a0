package server_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/openssl"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// opensslFile reads a file that OpenSSL has made.
func opensslFile(name string) []byte {
	content, err := os.ReadFile(opensslPath(name))
	if err != nil {
		panic(err)
	}
	return content
}

func opensslPath(name string) string {
	return filepath.Join("internal", "asymmetric", "testdata", name)
}

// vectorPair returns the PKCS#8 of OpenSSL's key pair for a KeySpec, or nil if there is none.
func vectorPair(spec string) []byte {
	der, _ := os.ReadFile(opensslPath(strings.ToLower(spec) + ".pkcs8.der"))
	return der
}

// opensslOptions are the options of openssl pkeyutl for each algorithm.
var opensslOptions = map[string]string{
	kmsapi.SignPSS:           " -pkeyopt digest:sha256 -pkeyopt rsa_padding_mode:pss -pkeyopt rsa_pss_saltlen:32",
	kmsapi.SignPKCS1v15:      " -pkeyopt digest:sha256",
	kmsapi.SignECDSA:         " -pkeyopt digest:sha256",
	kmsapi.SignSM2:           "",
	kmsapi.EncryptSM2:        "",
	kmsapi.EncryptOAEPSHA256: oaepOption("sha256"),
	kmsapi.EncryptOAEPSHA1:   oaepOption("sha1"),
}

func oaepOption(hash string) string {
	return " -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:" + hash + " -pkeyopt rsa_mgf1_md:" + hash
}

// opensslPair is a CMK with a private key imported from OpenSSL, and one of its algorithms.
type opensslPair struct {
	pair
	algorithm string
	// private is PKCS#8, and public is what GetPublicKey returns.
	private, public []byte
}

// with returns the parameters of a request for the CMK.
func (p opensslPair) with(pairs ...string) []string {
	return p.pair.with(append(pairs, "Algorithm", p.algorithm)...)
}

// run runs openssl pkeyutl with the algorithm. Its files are input, signature, and the key: private.der or public.pem.
func (p opensslPair) run(t *testing.T, arguments string, input, signature []byte) []byte {
	t.Helper()
	return openssl.Run(t, map[string][]byte{
		"private.der": p.private, "public.pem": p.public, "input": input, "signature": signature,
	}, "pkeyutl -in input "+arguments+opensslOptions[p.algorithm])
}

// eachOfOpenSSL runs test for every algorithm of every KeySpec that has the given usage.
func eachOfOpenSSL(t *testing.T, usage string, test func(t *testing.T, l *lab, p opensslPair)) {
	l := newSMLab(t)
	for spec, file := range map[string]string{
		kmsapi.KeySpecRSA2048: "rsa_2048", kmsapi.KeySpecRSA3072: "rsa_3072", kmsapi.KeySpecRSA4096: "rsa_4096",
		kmsapi.KeySpecP256: "prime256v1", kmsapi.KeySpecP256K: "secp256k1", kmsapi.KeySpecSM2: "sm2",
	} {
		for _, algorithm := range kmsapi.Algorithms(spec, usage) {
			t.Run(spec+" "+algorithm, func(t *testing.T) {
				l.t = t
				p := opensslPair{
					pair: l.createPair(spec, usage, "Origin", "EXTERNAL"), algorithm: algorithm,
					private: opensslFile(file + ".pkcs8.der"),
				}
				require.Empty(t, l.importPairOf(spec, p.id, p.private).Code)
				p.public = []byte(l.must("GetPublicKey", p.pair.with()...).PublicKey)
				test(t, l, p)
			})
		}
	}
}

func TestOpenSSLAndTheServiceVerifyEachOthersSignatures(t *testing.T) {
	digest := opensslFile("digest-sha256.bin")
	eachOfOpenSSL(t, kmsapi.KeyUsageSignVerify, func(t *testing.T, l *lab, p opensslPair) {
		signed := l.must("AsymmetricSign", p.with("Digest", encode64(digest))...).Value.(string)
		ours, err := base64.StdEncoding.DecodeString(signed)
		require.NoError(t, err)
		said := p.run(t, "-verify -pubin -inkey public.pem -sigfile signature", digest, ours)
		require.Contains(t, string(said), "Signature Verified Successfully")

		theirs := p.run(t, "-sign -keyform DER -inkey private.der", digest, nil)
		verify := func(digest, signature []byte) any {
			return l.must("AsymmetricVerify",
				p.with("Digest", encode64(digest), "Value", encode64(signature))...).Value
		}
		require.Equal(t, true, verify(digest, theirs))
		require.Equal(t, false, verify(make([]byte, kmsapi.DigestSize), theirs))
	})
}

func TestOpenSSLAndTheServiceDecryptEachOthersCiphertexts(t *testing.T) {
	text := []byte("Hello world")
	eachOfOpenSSL(t, kmsapi.KeyUsageEncryptDecrypt, func(t *testing.T, l *lab, p opensslPair) {
		sealed := l.must("AsymmetricEncrypt", p.with("Plaintext", encode64(text))...).CiphertextBlob
		ours, err := base64.StdEncoding.DecodeString(sealed)
		require.NoError(t, err)
		require.Equal(t, text, p.run(t, "-decrypt -keyform DER -inkey private.der", p.toOpenSSL(t, ours), nil))

		theirs := p.fromOpenSSL(t, p.run(t, "-encrypt -pubin -inkey public.pem", text, nil))
		opened := l.must("AsymmetricDecrypt", p.with("CiphertextBlob", encode64(theirs))...)
		require.Equal(t, encode64(text), opened.Plaintext)
	})
}
