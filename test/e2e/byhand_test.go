package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Users may rename the file, for example to a name with the version in it.
func TestThePluginsHelpRegistersItsOwnFile(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		renamed := filepath.Join(s.vault.plugins, pluginName+"_renamed")
		require.NoError(t, os.Link(shared.plugin(), renamed))
		t.Cleanup(func() {
			require.NoError(t, s.vault.Register(context.Background(), pluginName, shared.plugin(), stampedVersion))
			require.NoError(t, os.Remove(renamed))
		})
		help, err := exec.Command(renamed, "-h").Output()
		require.NoError(t, err)

		printed := regexp.MustCompile(`(?m)^    .*$`).FindAllString(string(help), -1)
		script := strings.Join(printed, "\n")
		require.Contains(t, script, "-command="+filepath.Base(renamed))
		s.runAgainst(t, script+"\nvault secrets disable alicloudkms\n")
	})
}
