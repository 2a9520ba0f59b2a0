package kmsapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEncryptionContextOnTheWire(t *testing.T) {
	require.Empty(t, kmsapi.EncryptionContext(nil).JSON())
	require.Empty(t, kmsapi.EncryptionContext{}.JSON(), "no context and an empty one are the same")
	require.Equal(t, `{"a":"<&>","b":"2"}`, kmsapi.EncryptionContext{"b": "2", "a": "<&>"}.JSON(),
		"in order, and not escaped for HTML")
}

func TestEncryptionContextOnTheWireIsWhatEncodingJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`))
		context := rapid.MapOfN(text, text, 1, 12).Draw(t, "context")
		var want strings.Builder
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		require.NoError(t, encoder.Encode(context))
		require.Equal(t, strings.TrimSuffix(want.String(), "\n"), kmsapi.EncryptionContext(context).JSON())
	})
}

func TestParseEncryptionContextReadsWhatEncodingJSONReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`))
		context := rapid.MapOfN(text, text, 1, 4).Draw(t, "context")
		encoded := []byte(kmsapi.EncryptionContext(context).JSON())
		at := rapid.IntRange(0, len(encoded)-1).Draw(t, "at")
		encoded[at] = rapid.OneOf(rapid.SampledFrom([]byte(`"{}:,\ a`)), rapid.Just(encoded[at])).Draw(t, "instead")
		got, err := kmsapi.ParseEncryptionContext(string(encoded))
		var want map[string]string
		switch wantErr := json.Unmarshal(encoded, &want); {
		case err == nil:
			require.NoError(t, wantErr, "%s", encoded)
			require.Equal(t, kmsapi.EncryptionContext(want), got, "%s", encoded)
		case wantErr == nil && !strings.ContainsRune(string(encoded), utf8.RuneError):
			// ParseEncryptionContext is stricter: a name given twice would not survive re-encoding.
			require.NotEqual(t, string(encoded), kmsapi.EncryptionContext(want).JSON())
		}
	})
}

func TestParseEncryptionContextTakesJSONObjectsOfStrings(t *testing.T) {
	for text, want := range map[string]kmsapi.EncryptionContext{
		`{}`:                        {},
		` { "a" : "b" } `:           {"a": "b"},
		`{"":""}`:                   {"": ""},
		`{"a":"1","A":"2"}`:         {"a": "1", "A": "2"},
		`{"\u0061":"\ud83d\ude00"}`: {"a": "😀"},
	} {
		got, err := kmsapi.ParseEncryptionContext(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func TestParseEncryptionContextRefusesWhatTwoReadersCouldSeeDifferently(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                           ``,
		"a string":                          `"canary"`,
		"null":                              `null`,
		"a list":                            `["canary"]`,
		"a number as value":                 `{"a":1}`,
		"null as value":                     `{"a":null}`,
		"an object as value":                `{"a":{"canary":"b"}}`,
		"a list as value":                   `{"a":["canary"]}`,
		"a name twice":                      `{"a":"canary","a":"2"}`,
		"a name twice, once escaped":        `{"a":"canary","\u0061":"2"}`,
		"an object cut off":                 `{"a":"canary"`,
		"a pair cut off":                    `{"a":`,
		"a name without value":              `{"canary"}`,
		"a comma at the end":                `{"a":"canary",}`,
		"a missing comma":                   `{"a":"canary" "b":"2"}`,
		"an unquoted name":                  `{canary:"b"}`,
		"a second object":                   `{"a":"canary"}{}`,
		"text after the object":             `{"a":"canary"}x`,
		"half a surrogate pair":             `{"a":"canary\ud800"}`,
		"a value that is not UTF-8":         "{\"a\":\"canary\xff\"}",
		"a name that is not UTF-8":          "{\"canary\xff\":\"b\"}",
		"the character for what is no text": "{\"a\":\"canary\uFFFD\"}",
		"more than 8192 characters":         `{"a":"` + strings.Repeat("中", 8185) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kmsapi.ParseEncryptionContext(text)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestEncryptionContextMayHave8192Characters(t *testing.T) {
	_, err := kmsapi.ParseEncryptionContext(`{"a":"` + strings.Repeat("中", 8184) + `"}`)
	require.NoError(t, err)
}

// decodeContext decodes a Decrypt request whose context comes in the given pairs of names and values.
func decodeContext(pairs ...string) (kmsapi.EncryptionContext, error) {
	params := kmsapi.Params{{Name: "CiphertextBlob", Value: "c"}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	var r kmsapi.DecryptRequest
	err := kmsapi.Decode(params, &r)
	return r.EncryptionContext, err
}

func TestAContextMayBeSpreadOverParameters(t *testing.T) {
	for name, tc := range map[string]struct {
		pairs []string
		want  kmsapi.EncryptionContext
	}{
		"one name": {[]string{"EncryptionContext.a", "b"}, kmsapi.EncryptionContext{"a": "b"}},
		"several names": {
			[]string{"EncryptionContext.b", "2", "EncryptionContext.a", "1"},
			kmsapi.EncryptionContext{"a": "1", "b": "2"},
		},
		"a name with dots": {[]string{"EncryptionContext.a.b", "c"}, kmsapi.EncryptionContext{"a.b": "c"}},
		"an empty value":   {[]string{"EncryptionContext.a", ""}, kmsapi.EncryptionContext{"a": ""}},
		"an empty name":    {[]string{"EncryptionContext.", "b"}, kmsapi.EncryptionContext{"": "b"}},
		"a value that looks like JSON": {
			[]string{"EncryptionContext.a", `{"x":"y"}`},
			kmsapi.EncryptionContext{"a": `{"x":"y"}`},
		},
		"beside an empty EncryptionContext": {
			[]string{"EncryptionContext", "", "EncryptionContext.a", "b"},
			kmsapi.EncryptionContext{"a": "b"},
		},
		"beside other names": {[]string{
			"EncryptionContexts.x", "y", "EncryptionContextx", "y",
			"encryptioncontext.x", "y",
		}, nil},
		"8192 characters as JSON": {
			[]string{"EncryptionContext.a", strings.Repeat("中", 8184)},
			kmsapi.EncryptionContext{"a": strings.Repeat("中", 8184)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeContext(tc.pairs...)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestASpreadContextThatIsNotOneContextIsRefused(t *testing.T) {
	for name, pairs := range map[string][]string{
		"together with JSON":      {"EncryptionContext", `{"x":"canary"}`, "EncryptionContext.a", "canary"},
		"together with the same":  {"EncryptionContext", `{"a":"canary"}`, "EncryptionContext.a", "canary"},
		"a name twice":            {"EncryptionContext.a", "canary", "EncryptionContext.a", "canary"},
		"a name that is no text":  {"EncryptionContext.\uFFFD", "canary"},
		"a value that is no text": {"EncryptionContext.a", "canary\uFFFD"},
		"8193 characters as JSON": {"EncryptionContext.a", strings.Repeat("中", 8185)},
		"too many names altogether": {"EncryptionContext." + strings.Repeat("a", 4096), "", "EncryptionContext." +
			strings.Repeat("b", 4096), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeContext(pairs...)
			require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
			require.ErrorContains(t, err, `"EncryptionContext"`)
			require.NotContains(t, err.Error(), "canary")
			require.Nil(t, got)
		})
	}
}

func FuzzParseEncryptionContext(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"b"}`, `{"a":"b","a":"c"}`, `{"a":1}`, `{"a":"\ud800"}`, `{"a":"b"}{}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := kmsapi.ParseEncryptionContext(text)
		if err != nil || len(got) == 0 {
			return
		}
		again, err := kmsapi.ParseEncryptionContext(got.JSON())
		if err != nil { // \u2028 in six letters may make it too long
			require.ErrorContains(t, err, "longer")
			return
		}
		require.Equal(t, got, again)
	})
}
