package alicloudkms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ofOpenSSL reads the file of a key pair made by OpenSSL.
func ofOpenSSL(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

func TestTransitsImportTakesPrivateKeys(t *testing.T) {
	r := newKeyRig(t)
	for file, asked := range map[string]body{
		"rsa_2048":   {"type": "rsa-2048"},
		"rsa_4096":   {"key_spec": kmsapi.KeySpecRSA4096},
		"prime256v1": {"type": "ecdsa-p256", "derived": false},
		"secp256k1":  {"key_spec": kmsapi.KeySpecP256K},
	} {
		t.Run(file, func(t *testing.T) {
			wrapped := with(r.wrapped(ofOpenSSL(t, file+".pkcs8.der")), asked)
			require.Empty(t, r.write("keys/"+file+"/import", wrapped).Warnings)
			require.Equal(t, string(ofOpenSSL(t, file+".pub.pem")),
				r.read("export/public-key/" + file + "/latest").Data["keys"].(map[string]any)["1"])
			require.True(t, r.isValid(file, r.sign(file, nil)))
			require.Empty(t, r.write("keys/"+file+"/import", wrapped).Warnings, "again")
		})
	}
	entry, err := loadKey(t.Context(), r.storage, "prime256v1")
	require.NoError(t, err)
	require.Len(t, entry.versions.Rows, 1)
}

func TestAnImportedRSAKeyDecrypts(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a/import", with(r.wrapped(ofOpenSSL(t, "rsa_2048.pkcs8.der")), body{
		"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt,
	}))
	text := "vault:v1:" + b64(ofOpenSSL(t, "rsa_2048.oaep_sha256.enc"))
	require.Equal(t, b64(ofOpenSSL(t, "plaintext.bin")), r.write("decrypt/a", body{"ciphertext": text}).Data["plaintext"])
}

func TestAPrivateKeyThatVaultDoesNotSeeIsImported(t *testing.T) {
	r := newKeyRig(t)
	made := r.makeKey("a", body{"type": "ecdsa-p256", "origin": "EXTERNAL"})
	require.Contains(t, made.Warnings[0], "public key is not known yet")
	_, err := r.tryWrite("sign/a", body{"input": hello})
	refused(t, err, 409, "Rejected.PendingImport", "keys/a/import")
	require.Equal(t, kmsapi.WrapKeyPair, r.write("keys/a/import_parameters", nil).Data["wrapping_algorithm"])
	_, err = r.tryWrite("keys/a/import_parameters", body{"wrapping_algorithm": kmsapi.WrapOAEPSHA256})
	refused(t, err, 400, kmsapi.WrapKeyPair)
	r.write("keys/a/import", r.unopened("a", kmsapi.WrapKeyPair, ofOpenSSL(t, "prime256v1.pkcs8.der")))
	require.True(t, r.isValid("a", r.sign("a", nil)))
}

func TestWhatIsNotAPrivateKeyOfTheTypeIsNotImported(t *testing.T) {
	r := newKeyRig(t, "aes")
	p256 := ofOpenSSL(t, "prime256v1.pkcs8.der")
	curve, rsa := body{"type": "ecdsa-p256"}, body{"type": "rsa-2048"}
	r.write("keys/a/import", with(r.wrapped(p256), curve))
	calls := r.kms.count(kmsapi.OpCreateKey)
	for name, c := range map[string]struct {
		key     string
		wrapped []byte
		asked   body
		says    string
	}{
		"another type":       {"new", p256, rsa, "of the type ecdsa-p256, and the key is of the type rsa-2048"},
		"key material":       {"new", ourMaterial, curve, "it is not a private key"},
		"a public key":       {"new", ofOpenSSL(t, "prime256v1.pub.pem"), curve, "no private key is in it"},
		"16 bytes":           {"new", make([]byte, 16), curve, "not the length of a private key"},
		"without its type":   {"new", p256, body{}, "KMS takes exactly 32"},
		"an earlier key":     {"a", p256, rsa, "is of the type ecdsa-p256, not rsa-2048"},
		"a symmetric key":    {"aes", p256, curve, "is of the type aes256-gcm96, not ecdsa-p256"},
		"a derived key pair": {"new", p256, with(curve, body{"derived": true}), `"derived" can't be used`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("keys/"+c.key+"/import", with(r.wrapped(c.wrapped), c.asked))
			refused(t, err, 400, c.says)
		})
	}
	require.Equal(t, calls, r.kms.count(kmsapi.OpCreateKey))
	_, err := r.tryWrite("keys/a/import", r.wrapped(r.otherPair()))
	refused(t, err, 400, "InvalidKeyMaterial")
}

// otherPair returns a private key on the curve of "a" that is not that of "a".
func (r *rig) otherPair() []byte {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(r.t, err)
	pair, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(r.t, err)
	return pair
}

func TestAPrivateKeyBecomesTheNextVersion(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a/import", with(r.wrapped(ofOpenSSL(t, "prime256v1.pkcs8.der")), body{"type": "ecdsa-p256"}))
	old := r.sign("a", nil)
	r.write("keys/a/import_version", r.wrapped(r.otherPair()))
	shown := r.read("keys/a").Data
	require.Equal(t, 2, shown["latest_version"])
	require.True(t, r.isValid("a", r.sign("a", nil)))
	require.True(t, r.isValid("a", old))
	require.True(t, r.isValid("a", r.sign("a", body{"key_version": 1})), "the earlier KMS key signs, too")
	require.NotEqual(t, r.publicKey("a", "1"), r.publicKey("a", "2"))
}

func TestAWrappedPrivateKeyThatWasTamperedWithIsNotOpened(t *testing.T) {
	r := newKeyRig(t)
	good := keywraptest.Wrapping{}.Wrap(t, r.haveWrappingKey(), ofOpenSSL(t, "prime256v1.pkcs8.der"))
	for _, at := range []int{0, len(good) / 2, len(good) - 1} {
		_, err := r.tryWrite("keys/a/import", body{"type": "ecdsa-p256", "ciphertext": b64(keywraptest.Flip(good, at))})
		refused(t, err, 400, "can't be opened", "a private key")
		keywraptest.Flip(good, at)
	}
	resp, err := r.try(logical.ReadOperation, "keys/a", nil)
	require.NoError(t, err)
	require.Nil(t, resp)
}
