package kmsapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestSecretBytesAreNotPrinted(t *testing.T) {
	type hidden struct{ inner kmsapi.SecretBytes }
	type shown struct{ Inner kmsapi.SecretBytes }
	s := kmsapi.NewSecretBytes([]byte(canary))
	for name, value := range map[string]any{
		"itself": s, "a pointer": &s, "an exported field": shown{s}, "an unexported field": hidden{s},
		"a pointer to an unexported field": &hidden{s}, "a list": []kmsapi.SecretBytes{s},
		"a map": map[string]kmsapi.SecretBytes{"k": s}, "an unexported list": struct{ l []hidden }{[]hidden{{s}}},
		"an interface": struct{ i any }{s},
	} {
		for _, verb := range everyVerb {
			for _, flags := range []string{"", "+", "#", "-20", "020", ".3"} {
				format := "%" + flags + string(verb)
				requireNoCanaryBytes(t, fmt.Sprintf(format, value), "%s with %s", name, format)
				requireNoCanaryBytes(t, fmt.Errorf(format, value).Error(), "%s in an error with %s", name, format)
			}
		}
		requireNoCanaryBytes(t, fmt.Sprint(value)+fmt.Sprintln(value), name)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", value)
		requireNoCanaryBytes(t, log.String(), name)
	}
	require.Equal(t, "[redacted]", fmt.Sprintf("%s", s))
	require.Equal(t, "[redacted]", s.String())
	require.Equal(t, "[redacted]", s.GoString())
}

// requireNoCanaryBytes looks for the forms of requireNoCanary, for decimal bytes, and for base64.
func requireNoCanaryBytes(t *testing.T, printed string, where ...any) {
	t.Helper()
	requireNoCanary(t, printed, where...)
	decimal := strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	require.NotContains(t, printed, decimal, where...)
	require.NotContains(t, printed, strings.ReplaceAll(decimal, " ", ", "), where...)
	require.NotContains(t, printed, base64.RawStdEncoding.EncodeToString([]byte(canary)), where...)
}

func TestSecretBytesAreNeitherEncodedNorDecoded(t *testing.T) {
	type answer struct{ Key kmsapi.SecretBytes }
	encoders := map[string]func(any) ([]byte, error){"JSON": json.Marshal, "XML": xml.Marshal}
	for name, encode := range encoders {
		encoded, err := encode(answer{kmsapi.NewSecretBytes([]byte(canary))})
		require.NoError(t, err, name)
		requireNoCanaryBytes(t, string(encoded), name)
		require.Contains(t, string(encoded), "[redacted]", name)
	}
	require.Error(t, json.Unmarshal([]byte(`{"Key":"`+canary+`"}`), &answer{}), "a secret is not made by accident")
}

func TestSecretBytesAreTheCallersOwn(t *testing.T) {
	b := append(make([]byte, 0, 100), canary...)
	s := kmsapi.NewSecretBytes(b)
	require.Equal(t, canary, string(s.Reveal()))
	require.Same(t, &b[0], &s.Reveal()[0], "nothing is copied")
	_ = append(s.Reveal(), "appended"...)
	require.Equal(t, make([]byte, 8), b[len(b):len(b)+8], "an append copies, and does not write behind the secret")
}

func TestClearErasesSecretBytesAndTheirCopies(t *testing.T) {
	b := []byte(canary)
	s := kmsapi.NewSecretBytes(b)
	shared, revealed := s, s.Reveal()
	s.Clear()
	s.Clear()
	require.Equal(t, make([]byte, len(canary)), b)
	require.Equal(t, make([]byte, len(canary)), revealed)
	for _, cleared := range []kmsapi.SecretBytes{s, shared} {
		require.True(t, cleared.IsEmpty())
		require.Empty(t, cleared.Reveal())
		require.Equal(t, "[redacted]", fmt.Sprint(cleared))
	}
}

func TestEqualSecretBytes(t *testing.T) {
	made := func(s string) kmsapi.SecretBytes { return kmsapi.NewSecretBytes([]byte(s)) }
	require.True(t, made(canary).Equal(made(canary)))
	require.False(t, made(canary).Equal(made("canary-texT")))
	require.False(t, made(canary).Equal(made(canary+"s")))
	require.False(t, made(canary).Equal(kmsapi.SecretBytes{}))
	require.True(t, kmsapi.SecretBytes{}.Equal(made("")))
}

func TestEmptySecretBytes(t *testing.T) {
	var zero kmsapi.SecretBytes
	for name, s := range map[string]kmsapi.SecretBytes{"zero": zero, "made of nothing": kmsapi.NewSecretBytes(nil)} {
		require.True(t, s.IsEmpty(), name)
		require.Empty(t, s.Reveal(), name)
		require.Equal(t, "[redacted]", fmt.Sprint(s), "whether it is empty is not printed either")
		s.Clear()
	}
	require.False(t, kmsapi.NewSecretBytes([]byte{0}).IsEmpty())
}
