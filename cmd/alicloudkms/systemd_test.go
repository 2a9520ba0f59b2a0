package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// unitFile is the unit that operators install.
const unitFile = "../../docs/systemd/alicloudkms.service"

var execLine = regexp.MustCompile(`(?m)^(Exec\w+)=/usr/local/bin/alicloudkms (.*)$`)

func TestTheSystemdUnitsCommandsExist(t *testing.T) {
	unit, err := os.ReadFile(unitFile)
	require.NoError(t, err)
	var lines []string
	for _, line := range execLine.FindAllStringSubmatch(string(unit), -1) {
		lines = append(lines, line[1])
		words := strings.Fields(line[2])
		at := slices.IndexFunc(commands(), isCalled(words[0]))
		require.GreaterOrEqual(t, at, 0, line[0])
		name, unknown := unknownFlag(commands()[at], append([]string{programName}, words...))
		require.False(t, unknown, name)
		require.Equal(t, []string{"-config", "/etc/alicloudkms/server.hcl"}, words[1:3])
	}
	require.Equal(t, []string{"ExecStartPre", "ExecStart", "ExecReload"}, lines)
	require.Equal(t, len(lines), strings.Count(string(unit), "\nExec"), "it runs no other program")
}

// TestSystemdReadsTheUnit lets systemd check the unit, where it is installed, with a program that exists.
func TestSystemdReadsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("there is no systemd-analyze; only the commands were checked")
		return
	}
	unit, err := os.ReadFile(unitFile)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "alicloudkms.service")
	changed := strings.ReplaceAll(string(unit), "/usr/local/bin/alicloudkms", self)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	verify := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", path)
	out, err := verify.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "alicloudkms.service:", "no line is ignored")
}

func isCalled(name string) func(*cli.Command) bool {
	return func(c *cli.Command) bool { return c.Name == name }
}
