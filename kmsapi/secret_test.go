package kmsapi_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const canary = "canary-text"

// everyVerb has all verbs of fmt, with those that it treats specially (%p, %T and %w), and some that it does not know.
const everyVerb = "vsqxXdboOUceEfFgGtpTwzZ"

func TestSecretIsNotPrinted(t *testing.T) {
	type hidden struct{ inner kmsapi.Secret }
	type shown struct{ Inner kmsapi.Secret }
	secret := kmsapi.NewSecret(canary)
	for _, s := range []kmsapi.Secret{secret, secret.ForWire()} {
		for name, value := range map[string]any{
			"itself": s, "a pointer": &s, "an exported field": shown{s}, "an unexported field": hidden{s},
			"a pointer to an unexported field": &hidden{s}, "a list": []kmsapi.Secret{s},
			"a map": map[string]kmsapi.Secret{"k": s}, "an unexported list": struct{ l []hidden }{[]hidden{{s}}},
			"an interface": struct{ i any }{s},
		} {
			for _, verb := range everyVerb {
				for _, flags := range []string{"", "+", "#", "-20", "020", ".3"} {
					text := fmt.Sprintf("%"+flags+string(verb), value)
					requireNoCanary(t, text, "%s with %%%s%c", name, flags, verb)
					requireNoCanary(t, fmt.Errorf("%"+flags+string(verb), value).Error(), "%s in an error with %%%s%c",
						name, flags, verb)
				}
			}
			requireNoCanary(t, fmt.Sprint(value)+fmt.Sprintln(value), name)
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", value)
			requireNoCanary(t, log.String(), name)
		}
	}
	require.Equal(t, "[redacted]", fmt.Sprintf("%s", secret))
	require.Equal(t, "[redacted]", secret.String())
	require.Equal(t, "[redacted]", secret.GoString())
}

// requireNoCanary looks for the secret string and for its hex digits.
func requireNoCanary(t *testing.T, text string, where ...any) {
	t.Helper()
	require.NotContains(t, text, canary, where...)
	require.NotContains(t, strings.ToLower(strings.ReplaceAll(text, " ", "")), fmt.Sprintf("%x", canary), where...)
}

func TestSecretIsEncodedOnlyForTheWire(t *testing.T) {
	answer := kmsapi.DecryptResponse{KeyId: "k", Plaintext: kmsapi.NewSecret(canary)}
	encoders := map[string]func(any) ([]byte, error){"JSON": json.Marshal, "XML": xml.Marshal}
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			text, err := encode(answer)
			require.NoError(t, err)
			requireNoCanary(t, string(text))
			require.Contains(t, string(text), "[redacted]")

			open := answer
			open.Plaintext = answer.Plaintext.ForWire()
			text, err = encode(open)
			require.NoError(t, err)
			require.Contains(t, string(text), canary)

			text, err = encode(answer)
			require.NoError(t, err)
			requireNoCanary(t, string(text), "ForWire gives a copy")
		})
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secret", answer.Plaintext, "open", answer.Plaintext.ForWire(),
		"answer", answer)
	requireNoCanary(t, log.String())
}

func TestSecretIsDecoded(t *testing.T) {
	var fromJSON, fromXML kmsapi.DecryptResponse
	require.NoError(t, json.Unmarshal([]byte(`{"Plaintext":"`+canary+`"}`), &fromJSON))
	require.NoError(t, xml.Unmarshal([]byte(`<R><Plaintext>`+canary+`</Plaintext></R>`), &fromXML))
	require.Equal(t, canary, fromJSON.Plaintext.Reveal())
	require.Equal(t, canary, fromXML.Plaintext.Reveal())
	require.Equal(t, kmsapi.NewSecret(canary), fromJSON.Plaintext)
}

func TestEmptySecrets(t *testing.T) {
	var zero, decoded kmsapi.Secret
	require.NoError(t, decoded.UnmarshalText(nil))
	for name, s := range map[string]kmsapi.Secret{
		"zero": zero, "made": kmsapi.NewSecret(""), "decoded": decoded,
		"for the wire": zero.ForWire(),
	} {
		require.True(t, s.IsEmpty(), name)
		require.Empty(t, s.Reveal(), name)
		require.Equal(t, "[redacted]", fmt.Sprint(s), "whether there is one is no one's business either")
	}
	require.False(t, kmsapi.NewSecret(" ").IsEmpty())
	text, err := zero.ForWire().MarshalText()
	require.NoError(t, err)
	require.Empty(t, text)
}
