package sdk

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// contexts have characters that a signature, a URL or JSON might corrupt.
var contexts = map[string]kmsapi.EncryptionContext{
	"no context":             nil,
	"an ASCII context":       {"app": "payroll", "env": "prod"},
	"a UTF-8 context":        {"部门": "财务", "città": "Forlì", "🔑": "🗝"},
	"an empty value":         {"empty": ""},
	"an empty name":          {"": "value"},
	"characters of URLs":     {"a b+c%20d": "=&?#/*~!'()%2B", "x": "%%%"},
	"characters of JSON":     {`"quo\ted"`: "line\nbreak\ttab\\ <a href='x'>&"},
	"the maximum length":     {"k": strings.Repeat("v", kmsapi.MaxEncryptionContext-len(`{"k":""}`))},
	"the maximum in Chinese": {"k": strings.Repeat("密", kmsapi.MaxEncryptionContext-len(`{"k":""}`))},
}

// plaintexts are encrypted as they are: KMS does not decode them.
var plaintexts = map[string]string{
	"base64":                       base64.StdEncoding.EncodeToString([]byte("the salary is 1815")),
	"base64 with + and / and =":    "+/+/+w==",
	"not base64":                   "YourPassword1234!",
	"UTF-8 that is not base64":     "工资是 1815 €",
	"spaces around":                "  + a b ",
	"line breaks":                  "a\r\nb\n",
	"6 KB in base64":               base64.StdEncoding.EncodeToString(pattern(kmsapi.MaxPlaintext)),
	"6 KB":                         strings.Repeat("*", kmsapi.MaxPlaintext),
	"characters of XML and of URL": `<KMS>&amp;"'+%2B%</KMS>`,
}

// pattern returns n bytes with all byte values.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func (p player) encrypt(keyID, text string, context kmsapi.EncryptionContext) *kmsapi.EncryptResponse {
	p.Helper()
	return do[kmsapi.EncryptResponse](p,
		&kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(text), EncryptionContext: context})
}

func (p player) decrypt(blob string, context kmsapi.EncryptionContext) *kmsapi.DecryptResponse {
	p.Helper()
	return do[kmsapi.DecryptResponse](p, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: context})
}

func TestWhatIsEncryptedCanBeDecrypted(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		for name, text := range plaintexts {
			p.run(name, func(p player) {
				sealed := p.encrypt(key.KeyId, text, nil)
				require.Equal(p, key.KeyId, sealed.KeyId)
				blob, err := base64.StdEncoding.DecodeString(sealed.CiphertextBlob)
				require.NoError(p, err)
				require.Equal(p, sealed.KeyVersionId, string(blob[:36]), "programs read the key version from the blob")
				opened := p.decrypt(sealed.CiphertextBlob, nil)
				require.Equal(p, text, opened.Plaintext.Reveal())
				require.Equal(p, key.KeyId, opened.KeyId)
				require.Equal(p, sealed.KeyVersionId, opened.KeyVersionId)
			})
		}
	})
}

func TestCiphertextsOpenWithTheirContextOnly(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		for name, context := range contexts {
			p.run(name, func(p player) {
				sealed := p.encrypt(key.KeyId, "text", context)
				require.Equal(p, "text", p.decrypt(sealed.CiphertextBlob, context).Plaintext.Reveal())
				for _, wrong := range []kmsapi.EncryptionContext{nil, {"app": "payrol", "lenv": "prod"}} {
					if len(wrong) != len(context) || len(wrong) > 0 {
						p.refused(kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
							&kmsapi.DecryptRequest{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: wrong})
					}
				}
			})
		}
	})
}

func TestEncryptTakesSixKilobytesAndNoMore(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		for name, text := range map[string]string{
			"in base64": base64.StdEncoding.EncodeToString(pattern(kmsapi.MaxPlaintext + 1)),
			"of text":   strings.Repeat("*", kmsapi.MaxPlaintext+1),
		} {
			p.run(name, func(p player) {
				p.refused(kmsapi.ErrInvalidParameter.WithMessage("Plaintext"),
					&kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: kmsapi.NewSecret(text)})
			})
		}
	})
}

func TestDataKeysOpenToTheirPlaintext(t *testing.T) {
	context := kmsapi.EncryptionContext{"部门": "财务"}
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		for name, tc := range map[string]struct {
			request kmsapi.GenerateDataKeyRequest
			length  int
		}{
			"by default 256 bits":        {kmsapi.GenerateDataKeyRequest{}, 32},
			"AES_256":                    {kmsapi.GenerateDataKeyRequest{KeySpec: kmsapi.DataKeyAES256}, 32},
			"AES_128":                    {kmsapi.GenerateDataKeyRequest{KeySpec: kmsapi.DataKeyAES128}, 16},
			"1 byte":                     {kmsapi.GenerateDataKeyRequest{NumberOfBytes: 1}, 1},
			"1024 bytes":                 {kmsapi.GenerateDataKeyRequest{NumberOfBytes: kmsapi.MaxDataKeyBytes}, 1024},
			"NumberOfBytes over KeySpec": {kmsapi.GenerateDataKeyRequest{KeySpec: kmsapi.DataKeyAES128, NumberOfBytes: 64}, 64},
			"with an encryption context": {kmsapi.GenerateDataKeyRequest{EncryptionContext: context}, 32},
			"1 KB with a context in 中文":  {kmsapi.GenerateDataKeyRequest{NumberOfBytes: 1024, EncryptionContext: context}, 1024},
		} {
			p.run(name, func(p player) {
				tc.request.KeyId = key.KeyId
				made := do[kmsapi.GenerateDataKeyResponse](p, &tc.request)
				require.Equal(p, key.KeyId, made.KeyId)
				plaintext, err := base64.StdEncoding.DecodeString(made.Plaintext.Reveal())
				require.NoError(p, err)
				require.Len(p, plaintext, tc.length)
				opened := p.decrypt(made.CiphertextBlob, tc.request.EncryptionContext)
				require.Equal(p, made.Plaintext.Reveal(), opened.Plaintext.Reveal())
				require.Equal(p, made.KeyVersionId, opened.KeyVersionId)
			})
		}
	})
}

// Every SDK decrypts what any other has encrypted: they may be used side by side, on the same data.
func TestEveryDialectDecryptsWhatAnyOtherEncrypted(t *testing.T) {
	var players []player
	for _, d := range dialects {
		players = append(players, player{T: t, dialect: d, caller: d.dial(t, dev, dev.access)})
	}
	key := players[0].newKey(kmsapi.CreateKeyRequest{})
	for _, writer := range players {
		context := kmsapi.EncryptionContext{"made by": writer.name, "部门": "=&+ 财务", "empty": ""}
		text := "unlike all others: " + uuid.NewString()
		blob := writer.encrypt(key.KeyId, text, context).CiphertextBlob
		dataKey := do[kmsapi.GenerateDataKeyResponse](writer,
			&kmsapi.GenerateDataKeyRequest{KeyId: key.KeyId, EncryptionContext: context})
		for _, reader := range players {
			reader.run(writer.name+" is decrypted by "+reader.name, func(reader player) {
				require.Equal(reader, text, reader.decrypt(blob, context).Plaintext.Reveal())
				require.Equal(reader, dataKey.Plaintext.Reveal(),
					reader.decrypt(dataKey.CiphertextBlob, context).Plaintext.Reveal())
			})
		}
	}
}

// ofUnknownVersion returns blob with a key version that does not exist.
func ofUnknownVersion(t require.TestingT, blob string) string {
	raw, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(t, err)
	copy(raw, uuid.NewString())
	return base64.StdEncoding.EncodeToString(raw)
}
