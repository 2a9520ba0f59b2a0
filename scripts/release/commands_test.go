package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// output runs a command that must succeed.
func output(t *testing.T, command string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), command, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// requireProgram skips the test if a program is missing, or fails it where all tests must run.
func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") != "" {
		t.Fatal(name + " is not on the PATH")
	}
	t.Skip(name + " is not on the PATH")
}
