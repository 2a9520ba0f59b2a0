package terminal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
)

// show writes parts to a terminal and returns what it shows.
func show(parts ...string) (string, error) {
	var shown bytes.Buffer
	w := &terminal.OnlyText{To: &shown}
	for _, part := range parts {
		if n, err := w.Write([]byte(part)); err != nil {
			return shown.String(), err
		} else if n != len(part) {
			panic("a short write without an error")
		}
	}
	return shown.String(), w.Close()
}

func TestATerminalShowsTextThatWasCutAnywhere(t *testing.T) {
	for _, text := range []string{"", "one\ntwo\n\tthree", "für Ȯ 世界 😀", "lines\r\nof Windows\r\n"} {
		for at := range len(text) + 1 {
			shown, err := show(text[:at], text[at:])
			require.NoError(t, err, "%q %q", text[:at], text[at:])
			require.Equal(t, text, shown)
		}
		var bytewise []string
		for at := range len(text) {
			bytewise = append(bytewise, text[at:at+1])
		}
		shown, err := show(bytewise...)
		require.NoError(t, err)
		require.Equal(t, text, shown)
	}
}

func TestATerminalShowsNothingThatCouldCommandIt(t *testing.T) {
	for name, tc := range map[string]struct {
		parts []string
		shown string
	}{
		"an escape sequence":               {[]string{"text\x1b[2J"}, "text"},
		"a NUL":                            {[]string{"\x00AKE"}, ""},
		"a lone carriage return":           {[]string{"shown\rhidden"}, "shown"},
		"one at the end":                   {[]string{"shown\r"}, "shown"},
		"one before another part":          {[]string{"shown\r", "hidden"}, "shown"},
		"a C1 control character":           {[]string{"\u009b2J"}, ""},
		"a change of direction":            {[]string{"a\u202eb"}, "a"},
		"what is not UTF-8":                {[]string{"a\xff"}, "a"},
		"a character that stays cut":       {[]string{"a\xe4\xb8"}, "a"},
		"a cut character and another":      {[]string{"a\xe4", "b"}, "a"},
		"a surrogate":                      {[]string{"a\xed\xa0\x80"}, "a"},
		"a longer form of a character":     {[]string{"a\xc0\x80"}, "a"},
		"an escape sequence in two pieces": {[]string{"a", "\x1b", "[2J"}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			shown, err := show(tc.parts...)
			require.ErrorIs(t, err, terminal.ErrBinary)
			require.Equal(t, tc.shown, shown)
		})
	}
}
