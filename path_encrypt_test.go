package alicloudkms

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEncryptAnswersAsTransitDoes(t *testing.T) {
	r := newKeyRig(t, "a")
	resp := r.write("encrypt/a", body{"plaintext": hello})
	require.Equal(t, 1, resp.Data["key_version"])
	require.Len(t, resp.Data, 2)
	parts := strings.Split(resp.Data["ciphertext"].(string), ":")
	require.Len(t, parts, 3)
	require.Equal(t, []string{"vault", "v1"}, parts[:2])
	require.Empty(t, resp.Warnings)
}

func TestKMSIsGivenTheBase64(t *testing.T) {
	for name, plaintext := range map[string]string{
		"unchanged":                            hello,
		"without the line breaks of base64(1)": "aGVs\nbG8=\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.encrypt("a", plaintext)
			require.Equal(t, hello, r.kms.last.(*kmsapi.EncryptRequest).Plaintext.Reveal())
		})
	}
}

func TestBadPlaintextNeverReachesKMS(t *testing.T) {
	for name, bad := range map[string]struct {
		plaintext any
		says      string
	}{
		"none":                  {nil, "required"},
		"empty":                 {"", "empty"},
		"only a line break":     {"\n", "empty"},
		"not base64":            {"hello!", "base64"},
		"base64url":             {"-_-_", "base64"},
		"without padding":       {"aGVsbG8", "base64"},
		"with trailing bits":    {"aGVsbG9=", "base64"},
		"6145 bytes":            {encoded(kmsapi.MaxPlaintext + 1), "datakey"},
		"a megabyte":            {encoded(1 << 20), "datakey"},
		"a number":              {5, "text"},
		"a map":                 {body{"a": "b"}, "text"},
		"a list":                {[]any{hello}, "text"},
		"a string not in UTF-8": {"\xff", "text"},
		"a boolean":             {true, "text"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			calls := r.kms.total()
			_, err := r.tryWrite("encrypt/a", body{"plaintext": bad.plaintext})
			refused(t, err, 400, "plaintext", bad.says)
			require.Equal(t, calls, r.kms.total())
		})
	}
}

func encoded(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func TestLargestPlaintextIsEncrypted(t *testing.T) {
	r := newKeyRig(t, "a")
	text := encoded(kmsapi.MaxPlaintext)
	require.Equal(t, text, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", text)}).Data["plaintext"])
}

func TestAnyBytesAndAnyContextRoundTrip(t *testing.T) {
	r := newKeyRig(t, "a")
	rapid.Check(t, func(rt *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "data")
		bound := body{
			"associated_data": base64.StdEncoding.EncodeToString(rapid.SliceOf(rapid.Byte()).Draw(rt, "associated data")),
			"encryption_context": body{rapid.StringMatching(`[a-z]{1,5}`).Draw(rt,
				"name"): rapid.StringMatching(`[ -~]*`).Draw(rt, "value")},
		}
		ciphertext := r.write("encrypt/a", with(bound,
			body{"plaintext": base64.StdEncoding.EncodeToString(data)})).Data["ciphertext"]
		opened := r.write("decrypt/a", with(bound, body{"ciphertext": ciphertext})).Data["plaintext"].(string)
		got, err := base64.StdEncoding.DecodeString(opened)
		if err != nil || !bytes.Equal(data, got) {
			rt.Fatalf("encrypted %x, decrypted %q", data, opened)
		}
	})
}

func TestWarmEncryptCostsOneCallAndNoStorage(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	r.storage.reset("", 0)
	before := r.kms.total()
	r.encrypt("a", hello)
	r.write("decrypt/a", body{"ciphertext": ciphertext})
	r.write("datakey/plaintext/a", nil)
	r.write("datakey/wrapped/a", nil)
	require.Zero(t, r.storage.total())
	require.Equal(t, before+4, r.kms.total())
	found, exists, err := r.b.HandleExistenceCheck(t.Context(), r.request("update", "encrypt/a", nil))
	require.NoError(t, err)
	require.False(t, found || exists)
	require.Zero(t, r.storage.total())
}

func TestFieldsOfTransitAreIgnoredOnlyIfThatWeakensNothing(t *testing.T) {
	for name, c := range map[string]struct {
		path, field string
		value       any
		ignored     bool
	}{
		"a nonce":                   {"encrypt/a", "nonce", "QQ==", true},
		"a version to decrypt with": {"decrypt/a", "key_version", 3, true},
		"a padding":                 {"encrypt/a", "padding_scheme", "oaep", true},
		"convergent encryption":     {"encrypt/a", "convergent_encryption", true, false},
		"no convergent encryption":  {"encrypt/a", "convergent_encryption", false, true},
		"a type that signs":         {"keys/a", "type", "ed25519", false},
		"a context to import with":  {"keys/a/import", "context", "QQ==", false},
		"an exportable key":         {"keys/a", "exportable", true, true},
		"a key with backups":        {"keys/a", "allow_plaintext_backup", true, true},
		"a key size":                {"keys/a", "key_size", 32, true},
		"rotation":                  {"keys/a", "auto_rotate_period", "24h", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			data := body{c.field: c.value}
			switch {
			case strings.HasPrefix(c.path, "encrypt"):
				data["plaintext"] = hello
			case strings.HasPrefix(c.path, "decrypt"):
				data["ciphertext"] = r.encrypt("a", hello)
			}
			resp, err := r.tryWrite(c.path, data)
			if !c.ignored {
				refused(t, err, 400, c.field)
				return
			}
			require.NoError(t, err)
			require.Contains(t, strings.Join(resp.Warnings, "\n"), c.field)
		})
	}
}
