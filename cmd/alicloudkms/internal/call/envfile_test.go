package call

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExportsAreReadAsTheShellReadsThem(t *testing.T) {
	for _, line := range []string{
		`export NAME='value'`, `NAME='value'`, `  export   NAME='value'  `, "export\tNAME='value'", `NAME=value`,
		`NAME="value"`, `NAME=''`, `NAME=`, `NAME='it'\''s "a" $HOME \ value'`, `NAME='a b'`, `NAME="a b"`, `NAME='a'"b"c`,
		`NAME=/tmp/a-b_c.pem`,
		`NAME=a\ b`, `NAME=Zm9v+/==`, `NAME='#'`, "NAME='$(touch ran)'", "NAME='`touch ran`'", `NAME='héllo'`, `NAME='!'`,
	} {
		t.Run(line, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "env")
			require.NoError(t, os.WriteFile(path, []byte("# A comment.\n\n"+line+"\nexport OTHER='x'\n"), 0o600))
			out, err := exec.CommandContext(t.Context(), "sh", "-c", `. "$0"; printf %s "$NAME"`, path).Output()
			require.NoError(t, err)
			env, err := readEnvFile(path)
			require.NoError(t, err)
			require.Equal(t, string(out), env("NAME"))
			require.Equal(t, "x", env("OTHER"))
			require.Empty(t, env("HOME"), "the variables of this process do not count")
		})
	}
}

func TestExportsThatNeedAShellAreRefused(t *testing.T) {
	const secret = "correct-horse"
	path := filepath.Join(t.TempDir(), "env")
	for _, line := range []string{
		"SSL_CERT_A=$(touch ran)" + secret, "SSL_CERT_A=`touch ran`" + secret,
		`SSL_CERT_A="$HOME` + secret + `"`, "SSL_CERT_A=$HOME" + secret, `SSL_CERT_A="a\"` + secret + `"`,
		`SSL_CERT_A='` + secret, `SSL_CERT_A="` + secret, `SSL_CERT_A=a b` + secret, `SSL_CERT_A=a;` + secret,
		`SSL_CERT_A=a&` + secret, `SSL_CERT_A=~` + secret, `SSL_CERT_A=*` + secret,
		`SSL_CERT_A='a' # ` + secret, `SSL_CERT_A=a\`, `export NAME ` + secret, `touch ` + secret,
		`A-B=` + secret, `1A=` + secret, `=` + secret, `export`,
	} {
		require.NoError(t, os.WriteFile(path, []byte("export FIRST='x'\n"+line+"\n"), 0o600))
		_, err := readEnvFile(path)
		require.ErrorContains(t, err, path+":2: ", line)
		require.NotContains(t, err.Error(), secret)
		require.NoFileExists(t, "ran")
	}
}

func TestOtherVariablesMayNeedAShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	text := "export VAULT_ADDR='x'\nexport ALICLOUD_DOMAIN='kms'\nexport PATH=\"/opt/bin:$PATH\"\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	env, err := readEnvFile(path)
	require.NoError(t, err)
	require.Equal(t, "kms", env("ALICLOUD_DOMAIN"))
	require.Empty(t, env("PATH"))
}

func TestFilesOfVariablesThatAreNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	_, err := readEnvFile(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("NAME='x'\n"), 0o600))
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o620} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = readEnvFile(path)
		require.EqualError(t, err, path+" holds a secret and can be read by others; run: chmod 600 "+path)
	}
	require.NoError(t, os.WriteFile(path, []byte("listener {\n}\n"), 0o644))
	_, err = readEnvFile(path)
	require.EqualError(t, err, path+":1: the line is not of the form export NAME='value'")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("#\n", maxEnvFile)), 0o600))
	_, err = readEnvFile(path)
	require.ErrorContains(t, err, "is too large for a file of variables")
}
