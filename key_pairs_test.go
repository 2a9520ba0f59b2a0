package alicloudkms

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newRSARig makes an engine with the key "a", which encrypts with RSA.
func newRSARig(t *testing.T) *rig {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt})
	return r
}

func TestAnRSAKeyEncryptsAndDecrypts(t *testing.T) {
	r := newRSARig(t)
	for _, asked := range []body{
		{},
		{"padding_scheme": "oaep"},
		{"key_version": "0"},
		{"context": "", "associated_data": "", "encryption_context": body{}},
	} {
		got := r.write("encrypt/a", with(asked, body{"plaintext": hello, "reference": "x"})).Data
		require.Equal(t, 1, got["key_version"])
		require.Equal(t, "x", got["reference"])
		delete(asked, "key_version")
		opened := r.write("decrypt/a", with(asked, body{"ciphertext": got["ciphertext"]})).Data
		require.Equal(t, hello, opened["plaintext"])
		again := r.write("rewrap/a", body{"ciphertext": got["ciphertext"]}).Data["ciphertext"]
		require.NotEqual(t, got["ciphertext"], again)
		require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": again}).Data["plaintext"])
	}
}

// TestWhatWasEncryptedWithThePublicKeyOpens is for programs that encrypt without Vault.
func TestWhatWasEncryptedWithThePublicKeyOpens(t *testing.T) {
	r := newRSARig(t)
	public := r.publicKey("a", "1").(*rsa.PublicKey)
	blob, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, []byte("hello"), nil)
	require.NoError(t, err)
	text := "vault:v1:" + base64.StdEncoding.EncodeToString(blob)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": text}).Data["plaintext"])
}

func TestPlaintextsThatDoNotFitARSAKeyAreRefused(t *testing.T) {
	r := newRSARig(t)
	most := base64.StdEncoding.EncodeToString(make([]byte, 190))
	require.Equal(t, most, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", most)}).Data["plaintext"])
	calls := r.kms.total()
	for _, size := range []int{0, 191, 6144} {
		_, err := r.tryWrite("encrypt/a", body{"plaintext": base64.StdEncoding.EncodeToString(make([]byte, size))})
		refused(t, err, 400, "encrypts 1 to 190")
	}
	require.Equal(t, calls, r.kms.total())
}

func TestWhatAnRSAKeyDoesNotDoIsRefused(t *testing.T) {
	r := newRSARig(t)
	r.makeKey("signs", body{"type": "rsa-2048"})
	r.makeKey("curve", body{"type": "ecdsa-p256"})
	text := r.encrypt("a", hello)
	bare := strings.TrimPrefix(text, "vault:v1:")
	const notBound = "can't be used"
	open, sealed := body{"plaintext": hello}, body{"ciphertext": text}
	calls := r.kms.total()
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"another padding":           {"encrypt/a", body{"plaintext": hello, "padding_scheme": "pkcs1v15"}, "must be oaep"},
		"to open another padding":   {"decrypt/a", body{"ciphertext": text, "padding_scheme": "pkcs1v15"}, "must be oaep"},
		"a context":                 {"encrypt/a", body{"plaintext": hello, "context": hello}, notBound},
		"associated data":           {"decrypt/a", with(sealed, body{"associated_data": hello}), notBound},
		"an encryption context":     {"encrypt/a", with(open, body{"encryption_context": "a=1"}), notBound},
		"to rewrap with a context":  {"rewrap/a", with(sealed, body{"encryption_context": "a=1"}), notBound},
		"a bare blob":               {"decrypt/a", body{"ciphertext": bare}, "must begin with vault:v"},
		"a version that is to come": {"decrypt/a", body{"ciphertext": "vault:v2:" + bare}, "no version 2"},
		"a data key":                {"datakey/plaintext/a", nil, "needs a symmetric key"},
		"a wrapped data key":        {"datakey/wrapped/curve", nil, "needs a symmetric key"},
		"with a key that signs":     {"encrypt/signs", body{"plaintext": hello}, "the key signs and verifies"},
		"to open with one":          {"decrypt/signs", body{"ciphertext": text}, "the key signs and verifies"},
		"with a curve":              {"encrypt/curve", body{"plaintext": hello}, "the key signs and verifies"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
	require.Equal(t, calls, r.kms.total())
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": "vault:v1:QUJD"})
	refused(t, err, 400, "AsymmetricDecrypt")
	first := "A"
	if bare[:1] == first {
		first = "B"
	}
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": "vault:v1:" + first + bare[1:]})
	refused(t, err, 400, "AsymmetricDecrypt", "The ciphertext was altered")
}

func TestAnAnswerForAnotherKeyIsNoPlaintext(t *testing.T) {
	r := newRSARig(t)
	text := r.encrypt("a", hello)
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		if q.Operation() == kmsapi.OpAsymmetricDecrypt {
			return &kmsapi.AsymmetricDecryptResponse{KeyId: "other", KeyVersionId: "v", Plaintext: kmsapi.NewSecret(hello)}, nil
		}
		return &kmsapi.AsymmetricEncryptResponse{KeyId: r.keyID("a"), KeyVersionId: "other", CiphertextBlob: "QUJD"}, nil
	}
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": text})
	refused(t, err, 502, "AsymmetricDecrypt")
	require.NotContains(t, err.Error(), hello)
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 502, "AsymmetricEncrypt")
}

func TestTheVersionOfAnRSAText(t *testing.T) {
	r := newRSARig(t)
	old := r.encrypt("a", hello)
	r.newVersion("a")
	require.True(t, strings.HasPrefix(r.encrypt("a", hello), "vault:v2:"))
	chosen := r.write("encrypt/a", body{"plaintext": hello, "key_version": 1}).Data["ciphertext"].(string)
	require.True(t, strings.HasPrefix(chosen, "vault:v1:"))
	for _, text := range []string{old, chosen} {
		require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": text}).Data["plaintext"])
	}
	require.Equal(t, 2, r.write("rewrap/a", body{"ciphertext": old}).Data["key_version"])
	r.changeEntry("a", func(e *keyEntry) { e.MinDecryption, e.MinEncryption = 2, 2 })
	for path, data := range map[string]body{
		"decrypt/a": {"ciphertext": old}, "rewrap/a": {"ciphertext": old},
		"encrypt/a": {"plaintext": hello, "key_version": 1},
	} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 400, "version")
	}
}
