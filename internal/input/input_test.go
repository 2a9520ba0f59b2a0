package input

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWordLosesWhatFilesAddAtItsEnds(t *testing.T) {
	for name, given := range map[string]string{
		"nothing":                   "acs:ram::1:role/vault",
		"a line break":              "acs:ram::1:role/vault\n",
		"a line break of Windows":   "acs:ram::1:role/vault\r\n",
		"blank lines":               "\n\n \tacs:ram::1:role/vault \n\n",
		"a byte order mark":         "\ufeffacs:ram::1:role/vault\r\n",
		"a non-breaking space":      "\u00a0acs:ram::1:role/vault\u00a0",
		"a zero-width space":        "acs:ram::1:role/vault\u200b",
		"a NUL":                     "acs:ram::1:role/vault\x00",
		"a line separator, U+2028":  "acs:ram::1:role/vault\u2028",
		"a form feed and a newline": "\facs:ram::1:role/vault\v\n",
	} {
		word, err := Word(given)
		require.NoError(t, err, name)
		require.Equal(t, "acs:ram::1:role/vault", word, name)
	}
	word, err := Word(" \r\n")
	require.NoError(t, err)
	require.Empty(t, word)
}

func TestAWordHasNoControlCharacterInside(t *testing.T) {
	for _, given := range []string{
		"a\nb", "a\r\nb", "a\x00b", "a\tb", "a\u00a0b", "a\ufeffb", "a\u2028b", "a\x7fb", "a\u0085b",
	} {
		_, err := Word(given)
		require.ErrorIs(t, err, ErrControl, "%q", given)
	}
	for _, given := range []string{"a b", "名前", "é+/=:_-."} {
		word, err := Word(given)
		require.NoError(t, err)
		require.Equal(t, given, word)
	}
}

func TestBase64IsUnfolded(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("hello", 40)))
	for _, end := range []string{"\n", "\r\n", "\r", " \n", "\n  ", "\t\r\n\t"} {
		for column := 1; column < len(encoded); column += 7 {
			require.Equal(t, encoded, Unfold(fold(encoded, column, end)), "%q at %d", end, column)
		}
	}
	require.Equal(t, encoded, Unfold("\ufeff"+encoded))
	require.Empty(t, Unfold("\n \r\n"))
}

// fold ends a line after every column bytes.
func fold(s string, column int, end string) string {
	var folded strings.Builder
	for len(s) > column {
		folded.WriteString(s[:column] + end)
		s = s[column:]
	}
	return folded.String() + s + end
}

func TestABlankInsideALineStays(t *testing.T) {
	require.Equal(t, "aGVs bG8=", Unfold("aGVs bG8=\n"))
	require.False(t, IsBase64("aGVs bG8="))
}

func TestBase64IsKnown(t *testing.T) {
	for _, s := range []string{"", "aGVsbG8=", "aGVsbA==", "aGVs", "+/+/"} {
		require.True(t, IsBase64(s), s)
	}
	for _, s := range []string{"a", "aGVsbG8", "aGV=bG8=", "====", "-_-_", "aGVsbG8=\n", "aG:s", "aGVs\x00AAA", "é+/="} {
		require.False(t, IsBase64(s), "%q", s)
	}
}

func TestOnlyASureNameOfAFileIsOne(t *testing.T) {
	for _, name := range []string{"wrapped.b64", "./ca.PEM", "/etc/ssl/ca.pem", "~/my-keys/public_key.der", "token.txt"} {
		require.True(t, IsFileName(name), name)
	}
	for name, s := range map[string]string{
		"nothing":             "",
		"base64":              "aGVsbG8=",
		"a bare word":         "token",
		"a token of Vault":    "hvs.CAESIJ",
		"a JWT":               "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
		"a long string":       strings.Repeat("a", 61) + ".pem",
		"with an escape":      "\x1b[2J.pem",
		"with a blank":        "my secret.txt",
		"PEM":                 "-----BEGIN CERTIFICATE-----\n.pem",
		"a name without type": "/etc/ssl/ca",
	} {
		require.False(t, IsFileName(s), name)
	}
}

func TestWhatIsCleanCostsNoAllocation(t *testing.T) {
	secret := strings.Repeat("s3cr3t", 5)
	encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("hello", 400)))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, err := Word(secret)
		if err != nil || len(Unfold(encoded)) != len(encoded) || !IsBase64(encoded) {
			t.Fail()
		}
	}))
}
