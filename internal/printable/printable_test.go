package printable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
)

func TestOnlyWhatPrintsIsLeft(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"密码 with spaces, “quotes” 🔑": "密码 with spaces, “quotes” 🔑",
		"\x1b[2J\u009b2J\x7f\x00":    "\uFFFD[2J\uFFFD2J\uFFFD\uFFFD",
		"a\r\n\u2028b\tc":            "a\uFFFD\uFFFD\uFFFDb\uFFFDc",
		"a\u202eb\u200b":             "a\uFFFDb\uFFFD",
		"a\xff\xfe":                  "a\uFFFD\uFFFD",
		"\ufeffa":                    "\uFFFDa",
	} {
		require.Equal(t, want, printable.Text(text), "%q", text)
	}
}
