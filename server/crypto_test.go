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

func TestPlaintextsComeBackAsTheyWere(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	for name, plaintext := range map[string]string{
		"base64":            "aGVsbG8gd29ybGQ=",
		"not base64":        "YourPassword1234!",
		"not ASCII":         "密码 with spaces + and %",
		"6 KB of bytes":     base64.StdEncoding.EncodeToString(make([]byte, kmsapi.MaxPlaintext)),
		"6 KB of text":      strings.Repeat("-", kmsapi.MaxPlaintext),
		"one character":     "!",
		"HTML and controls": "<a>&\"'\t\n",
	} {
		t.Run(name, func(t *testing.T) {
			sealed := w.must("Encrypt", "KeyId", id, "Plaintext", plaintext)
			require.Equal(t, id, sealed.KeyId)
			blob, err := base64.StdEncoding.DecodeString(sealed.CiphertextBlob)
			require.NoError(t, err)
			require.Equal(t, sealed.KeyVersionId, string(blob[:36]), "a blob begins with the key version's id")
			if len(plaintext) > 4 { // A shorter one may occur in a ciphertext by chance.
				require.NotContains(t, string(blob), plaintext)
			}
			opened := w.must("Decrypt", "CiphertextBlob", sealed.CiphertextBlob)
			require.Equal(t, plaintext, opened.Plaintext)
			require.Equal(t, id, opened.KeyId)
			require.Equal(t, sealed.KeyVersionId, opened.KeyVersionId)
		})
	}
}

func TestEncryptRefusesWhatIsTooMuchOrNothing(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.do("Encrypt", "KeyId", id, "Plaintext", base64.StdEncoding.EncodeToString(make([]byte, kmsapi.MaxPlaintext+1))).
		refused(t, kmsapi.ErrInvalidParameter)
	w.do("Encrypt", "KeyId", id, "Plaintext", strings.Repeat("-", kmsapi.MaxPlaintext+1)).
		refused(t, kmsapi.ErrInvalidParameter)
	w.do("Encrypt", "KeyId", id, "Plaintext", "AAAA"+strings.Repeat("\n", kmsapi.MaxPlaintext)).
		refused(t, kmsapi.ErrInvalidParameter)
	w.do("Encrypt", "KeyId", id, "Plaintext", "").refused(t, kmsapi.ErrMissingParameter)
}

func TestEncryptionIsNeverTheSameTwice(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	seen := map[string]bool{}
	for range 50 {
		seen[w.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob] = true
	}
	require.Len(t, seen, 50)
}

func TestACiphertextOpensOnlyWithItsContext(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", `{"a":"bc","x":"y"}`).CiphertextBlob
	require.Equal(t, "eA==",
		w.must("Decrypt", "CiphertextBlob", blob, "EncryptionContext", `{ "x":"y", "\u0061":"bc" }`).Plaintext)
	for name, context := range map[string]string{
		"none":                        "",
		"an empty one":                "{}",
		"a part of it":                `{"a":"bc"}`,
		"more":                        `{"a":"bc","x":"y","z":""}`,
		"a character moved":           `{"ab":"c","x":"y"}`,
		"names joined":                `{"a":"bcx=y"}`,
		"a value in capitals":         `{"a":"BC","x":"y"}`,
		"values under the other name": `{"a":"y","x":"bc"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.do("Decrypt", "CiphertextBlob", blob, "EncryptionContext", context).refused(t, kmsapi.ErrInvalidParameter)
		})
	}
}

func TestAContextMayComeInParametersOfItsOwn(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	spread := []string{"EncryptionContext.a", "bc", "EncryptionContext.x y", "ü"}
	const asJSON = `{"a":"bc","x y":"ü"}`
	for _, sealed := range []answer{
		w.must("Encrypt", slices.Concat(spread, []string{"KeyId", id, "Plaintext", "eA=="})...),
		w.must("Encrypt", "EncryptionContext", asJSON, "KeyId", id, "Plaintext", "eA=="),
		w.must("GenerateDataKey", slices.Concat(spread, []string{"KeyId", id})...),
	} {
		opened := w.must("Decrypt", slices.Concat(spread, []string{"CiphertextBlob", sealed.CiphertextBlob})...)
		require.Equal(t, opened.Plaintext,
			w.must("Decrypt", "EncryptionContext", asJSON, "CiphertextBlob", sealed.CiphertextBlob).Plaintext)
		for name, pairs := range map[string][]string{
			"none of it":     {},
			"a part of it":   spread[:2],
			"it and JSON":    slices.Concat(spread, []string{"EncryptionContext", asJSON}),
			"another value":  {"EncryptionContext.a", "b", "EncryptionContext.x y", "ü"},
			"names moved on": {"EncryptionContext.a.", "bc", "EncryptionContext.x y", "ü"},
		} {
			t.Run(name, func(t *testing.T) {
				w.do("Decrypt", slices.Concat(pairs, []string{"CiphertextBlob", sealed.CiphertextBlob})...).
					refused(t, kmsapi.ErrInvalidParameter)
			})
		}
	}
}

func TestContextsThatAreNotContextsAreRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	for name, context := range map[string]string{
		"a list":              `["a"]`,
		"a string":            `"a"`,
		"a number inside":     `{"a":1}`,
		"an object inside":    `{"a":{}}`,
		"a name twice":        `{"a":"1","a":"2"}`,
		"cut off":             `{"a":"1"`,
		"something behind it": `{"a":"1"}{}`,
		"half a surrogate":    `{"a":"\ud800"}`,
		"8,193 characters":    `{"a":"` + strings.Repeat("x", 8193-8) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.do("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", context).
				refused(t, kmsapi.ErrInvalidParameter)
		})
	}
	w.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", `{"a":"`+strings.Repeat("x", 8192-8)+`"}`)
}

func TestASpoiltCiphertextDoesNotOpen(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	text := w.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob
	blob, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	refused := func(name, blob string) {
		t.Helper()
		got := w.do("Decrypt", "CiphertextBlob", blob)
		require.Contains(t, []kmsapi.Code{kmsapi.ErrInvalidParameter.Code, kmsapi.ErrKeyNotFound.Code}, got.Code, "%s: %s",
			name, got.body)
		require.Empty(t, got.Plaintext)
	}
	for i := range blob {
		changed := append([]byte(nil), blob...)
		changed[i] ^= 1 << (i % 8)
		refused(fmt.Sprintf("byte %d changed", i), base64.StdEncoding.EncodeToString(changed))
	}
	for _, n := range []int{1, 15, 16, 35, 36, 37, 60, 61, len(blob) - 1} {
		refused(fmt.Sprintf("cut to %d", n), base64.StdEncoding.EncodeToString(blob[:n]))
	}
	refused("extended", base64.StdEncoding.EncodeToString(append(blob, 0)))
	refused("not base64", "!!!!")
	refused("base64 with a line break", text[:8]+"\n"+text[8:])
	refused("base64 for URLs", base64.URLEncoding.EncodeToString([]byte{0xff, 0xfe, 0xfd}))
	refused("of another key's version",
		base64.StdEncoding.EncodeToString(append([]byte(w.must("CreateKey").KeyMetadata.PrimaryKeyVersion), blob[36:]...)))
}

func TestAKeyWithoutMaterialDoesNothing(t *testing.T) {
	w := newWire(t)
	id := w.createKey("Origin", "EXTERNAL")
	w.do("Encrypt", "KeyId", id, "Plaintext", "eA==").refused(t, kmsapi.ErrRejectedPendingImport)
	w.do("GenerateDataKey", "KeyId", id).refused(t, kmsapi.ErrRejectedPendingImport)
	w.do("EnableKey", "KeyId", id).refused(t, kmsapi.ErrStateModifiedFailed)
}
