// Package openssl runs OpenSSL in tests, as a second opinion on keys, signatures and certificates.
package openssl

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Run runs OpenSSL in a new folder with files, and returns its standard output. Arguments are separated by spaces. The
// test fails if OpenSSL does; without OpenSSL, it fails in make test, and is skipped elsewhere.
func Run(t testing.TB, files map[string][]byte, arguments string) []byte {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") == "" {
		t.Skip("there is no openssl")
	}
	require.NoError(t, err, "make test needs openssl")
	command := exec.CommandContext(t.Context(), program, strings.Fields(arguments)...)
	command.Dir = t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(command.Dir, name), content, 0o600))
	}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	printed, err := command.Output()
	require.NoError(t, err, "openssl %s: %s", arguments, &complaint)
	return printed
}
