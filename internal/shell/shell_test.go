package shell_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
)

func TestTheShellReadsWordsAsTheyAre(t *testing.T) {
	for _, s := range []string{
		`it's "a" $HOME \ value`, "", "plain/path-1.pem", "~", "*", "a b", "#", "-n", "endpoint=[::1]:8443", "a\nb", "{a,b}",
		"!", "=ls", "héllo",
	} {
		for _, word := range []string{shell.Word(s), shell.Quote(s)} {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s' "+word).Output()
			require.NoError(t, err)
			require.Equal(t, s, string(out))
		}
	}
	require.Equal(t, "plain/path-1.pem", shell.Word("plain/path-1.pem"), "no quotes where none are needed")
	require.Equal(t, "'endpoint=[::1]:8443'", shell.Word("endpoint=[::1]:8443"), "zsh would look for files of that name")
}
