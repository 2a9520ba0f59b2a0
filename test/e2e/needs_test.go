package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds are JSON's types by their Go types.
var kinds = map[reflect.Type]string{
	nil:                               "null",
	reflect.TypeFor[string]():         "string",
	reflect.TypeFor[json.Number]():    "number",
	reflect.TypeFor[bool]():           "bool",
	reflect.TypeFor[map[string]any](): "map",
	reflect.TypeFor[[]any]():          "list",
}

// check requires the field in an answer, and returns its value as a string.
func (n need) check(t *testing.T, answer string) string {
	t.Helper()
	value, found := lookUp(t, answer, n.field)
	if n.kind == "absent" {
		require.False(t, found, "line %d: %s is in %s", n.line, n.field, answer)
		return ""
	}
	require.True(t, found, "line %d: %s is not in %s", n.line, n.field, answer)
	text := textOf(t, value)
	if n.kind == "signs" {
		require.True(t, n.signed(t, text), "line %d: %s", n.line, n.field)
		return text
	}
	require.Equal(t, n.kind, kinds[reflect.TypeOf(value)], "line %d: the type of %s in %s", n.line, n.field, answer)
	switch n.how {
	case "=":
		require.Equal(t, n.want, text, "line %d: %s", n.line, n.field)
	case "~":
		require.Regexp(t, n.want, text, "line %d: %s", n.line, n.field)
	}
	return text
}

// signed reports whether the public key confirms a signature of the digest: what the client would find on its own.
func (n need) signed(t *testing.T, text string) bool {
	t.Helper()
	_, text, _ = strings.Cut(strings.TrimPrefix(text, "vault:"), ":")
	signature, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	digestText, pemText, _ := strings.Cut(n.want, " ")
	digest, err := base64.StdEncoding.DecodeString(digestText)
	require.NoError(t, err)
	block, _ := pem.Decode([]byte(pemText))
	require.NotNil(t, block, pemText)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	switch n.how {
	case "ecdsa":
		return ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), digest, signature)
	case "pkcs1v15":
		return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, digest, signature) == nil
	case "pss":
		return rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, digest, signature, nil) == nil
	default:
		return false
	}
}

// lookUp finds a field of a JSON document by its path with dots.
func lookUp(t *testing.T, document, path string) (value any, found bool) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&value), document)
	for name := range strings.SplitSeq(path, ".") {
		fields, ok := value.(map[string]any)
		if list, isList := value.([]any); isList {
			fields, ok = numbered(list), true
		}
		if !ok {
			return nil, false
		}
		if value, found = fields[name]; !found {
			return nil, false
		}
	}
	return value, true
}

// numbered returns the items of a list under their positions.
func numbered(list []any) map[string]any {
	all := map[string]any{}
	for i, item := range list {
		all[strconv.Itoa(i)] = item
	}
	return all
}

// textOf is a string as it is, and JSON of any other value.
func textOf(t *testing.T, value any) string {
	t.Helper()
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}
