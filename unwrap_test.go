package alicloudkms

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// unwrapVectors are from openssl, which shares no code with this engine.
type unwrapVectors struct {
	WrappingKey []byte            `json:"wrapping_key_pkcs8"`
	Material    []byte            `json:"material"`
	Ciphertexts map[string][]byte `json:"ciphertexts"`
}

var vectors = sync.OnceValues(func() (v unwrapVectors, err error) {
	text, err := os.ReadFile("testdata/unwrap.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
})

func readVectors(t testing.TB) (unwrapVectors, *rsa.PrivateKey) {
	t.Helper()
	v, err := vectors()
	require.NoError(t, err)
	key, err := x509.ParsePKCS8PrivateKey(v.WrappingKey)
	require.NoError(t, err)
	return v, key.(*rsa.PrivateKey)
}

// A wrapping is how a client wraps key material; what is nil is as `vault transit import` does it.
type wrapping struct {
	hash      hashMaker
	ephemeral []byte
	label     []byte
	// spoil changes the material once it is wrapped.
	spoil func(wrapped []byte)
}

// wrap does what `vault transit import` does.
func (w wrapping) wrap(t testing.TB, key *rsa.PublicKey, material []byte) []byte {
	t.Helper()
	if w.hash == nil {
		w.hash = hashFunctions["SHA256"]
	}
	if w.ephemeral == nil {
		w.ephemeral = make([]byte, ephemeralKeySize)
		_, err := rand.Read(w.ephemeral)
		require.NoError(t, err)
	}
	kwp, err := subtle.NewKWP(w.ephemeral)
	require.NoError(t, err)
	wrapped, err := kwp.Wrap(material)
	require.NoError(t, err)
	if w.spoil != nil {
		w.spoil(wrapped)
	}
	head, err := rsa.EncryptOAEP(w.hash(), rand.Reader, key, w.ephemeral, w.label)
	require.NoError(t, err)
	return append(head, wrapped...)
}

func TestWhatOpensslWrapsIsUnwrapped(t *testing.T) {
	v, key := readVectors(t)
	require.Len(t, v.Ciphertexts, len(hashFunctions))
	for name, newHash := range hashFunctions {
		material, err := unwrap(key, newHash, v.Ciphertexts[name])
		require.NoError(t, err, name)
		require.Equal(t, v.Material, material)
		for other, newHash := range hashFunctions {
			if other != name {
				_, err := unwrap(key, newHash, v.Ciphertexts[name])
				require.Equal(t, errUnwrap, err, "%s as %s", name, other)
			}
		}
	}
}

func TestWhatVaultsClientWrapsIsUnwrapped(t *testing.T) {
	_, key := readVectors(t)
	material := bytes.Repeat([]byte{0}, kmsapi.KeyMaterialSize)
	got, err := unwrap(key, hashFunctions["SHA256"], wrapping{}.wrap(t, &key.PublicKey, material))
	require.NoError(t, err)
	require.Equal(t, material, got)
}

func TestEveryFailureWithThePrivateKeyLooksTheSame(t *testing.T) {
	v, key := readVectors(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	material := v.Material
	good := func() []byte { return wrapping{}.wrap(t, &key.PublicKey, material) }
	for name, ciphertext := range map[string][]byte{
		"zeros":                             make([]byte, 552),
		"ones":                              bytes.Repeat([]byte{0xff}, 552),
		"the first bit of RSA":              flipped(good(), 0),
		"the last bit of RSA":               flipped(good(), 511),
		"the first bit of KWP":              flipped(good(), 512),
		"the last bit of KWP":               flipped(good(), 551),
		"the halves changed over":           append(good()[512:], good()[:512]...),
		"the halves of two ciphertexts":     append(good()[:512], good()[512:]...),
		"an AES key of 128 bits":            wrapping{ephemeral: make([]byte, 16)}.wrap(t, &key.PublicKey, material),
		"a label":                           wrapping{label: []byte("label")}.wrap(t, &key.PublicKey, material),
		"material of 25 bytes":              wrapping{}.wrap(t, &key.PublicKey, make([]byte, 25)),
		"material of 31 bytes":              wrapping{}.wrap(t, &key.PublicKey, make([]byte, 31)),
		"a length that lies":                wrapping{spoil: func(w []byte) { w[7] ^= 1 }}.wrap(t, &key.PublicKey, material),
		"another's wrapping key, and zeros": append(wrapping{}.wrap(t, &other.PublicKey, material), make([]byte, 256)...),
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, ciphertext, 552)
			got, err := unwrap(key, hashFunctions["SHA256"], ciphertext)
			require.Equal(t, errUnwrap, err)
			require.Nil(t, got)
		})
	}
}

func TestLengthsThatCanNotBeRightAreTold(t *testing.T) {
	_, key := readVectors(t)
	for name, ciphertext := range map[string][]byte{
		"nothing":              nil,
		"one byte":             {1},
		"the RSA half alone":   make([]byte, 512),
		"one byte less":        make([]byte, 551),
		"one byte more":        make([]byte, 553),
		"one block more":       make([]byte, 560),
		"an RSA-2048 half":     make([]byte, 296),
		"material of 16 bytes": wrapping{}.wrap(t, &key.PublicKey, make([]byte, 16)),
		"material of 24 bytes": wrapping{}.wrap(t, &key.PublicKey, make([]byte, 24)),
		"material of 33 bytes": wrapping{}.wrap(t, &key.PublicKey, make([]byte, 33)),
		"material of 64 bytes": wrapping{}.wrap(t, &key.PublicKey, make([]byte, 64)),
		"a great deal":         make([]byte, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unwrap(key, hashFunctions["SHA256"], ciphertext)
			refused(t, err, 400, "552", "32 bytes")
		})
	}
}

func flipped(ciphertext []byte, at int) []byte {
	ciphertext[at] ^= 1
	return ciphertext
}

func FuzzUnwrap(f *testing.F) {
	v, key := readVectors(f)
	for _, ciphertext := range v.Ciphertexts {
		f.Add(ciphertext, []byte(nil))
	}
	f.Add([]byte(nil), make([]byte, 40))
	f.Add(v.Ciphertexts["SHA256"][:512], v.Ciphertexts["SHA256"][512:])
	ephemeral := make([]byte, ephemeralKeySize)
	known, err := rsa.EncryptOAEP(hashFunctions["SHA256"](), rand.Reader, &key.PublicKey, ephemeral, nil)
	require.NoError(f, err)
	kwp, err := subtle.NewKWP(ephemeral)
	require.NoError(f, err)
	// Without a first half, the second follows one that opens, or AES-KWP would never be reached.
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first) == 0 {
			first = known
		}
		material, err := unwrap(key, hashFunctions["SHA256"], append(bytes.Clone(first), second...))
		if err != nil {
			refused(t, err, 400)
			require.Nil(t, material)
			return
		}
		require.Len(t, material, kmsapi.KeyMaterialSize)
		if bytes.Equal(first, known) {
			again, err := kwp.Wrap(material)
			require.NoError(t, err)
			require.Equal(t, second, again)
		}
	})
}
