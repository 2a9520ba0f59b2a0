package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// printedLine is a command in the output of `alicloudkms init`.
var printedLine = regexp.MustCompile(`(?m)^  ((?:alicloudkms|vault) .+)$`)

// TestInitPrintsCommandsThatWork types what `alicloudkms init` prints, in another folder: the first command starts the
// service, and all others use it. The folder is then moved, as to another machine, and they are typed again.
func TestInitPrintsCommandsThatWork(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		sys := s.vault.Client.Sys()
		require.NoError(t, sys.Mount("alicloudkms", &api.MountInput{
			Type: pluginName, Config: api.MountConfigInput{PluginVersion: stampedVersion},
		}))
		defer func() { require.NoError(t, sys.Unmount("alicloudkms")) }()
		above, err := os.MkdirTemp("", "init-")
		require.NoError(t, err)
		defer os.RemoveAll(above)

		dir := filepath.Join(above, "it's mine")
		out, err := exec.Command(shared.service(), "init", "-listen", freeAddresses(t, 1)[0], dir).CombinedOutput()
		require.NoError(t, err, string(out))
		secret, err := os.ReadFile(filepath.Join(dir, "admin.secret"))
		require.NoError(t, err)
		shared.secrets.add(strings.TrimSpace(string(secret)))
		require.NotContains(t, string(out), strings.TrimSpace(string(secret)))
		s.typeAll(t, string(out))

		require.NoError(t, os.Mkdir(filepath.Join(above, "etc"), 0o700))
		require.NoError(t, os.Rename(dir, filepath.Join(above, "etc", "it's mine")))
		env := filepath.Join(above, "etc", "it's mine", "admin.env")
		content, err := os.ReadFile(env)
		require.NoError(t, err)
		moved := strings.NewReplacer(above, filepath.Join(above, "etc"))
		require.NoError(t, os.WriteFile(env, []byte(moved.Replace(string(content))), 0o600))
		s.typeAll(t, moved.Replace(string(out)))
	})
}

// typeAll types the commands in printed: the first in the background, and when it is ready the others.
func (s *stage) typeAll(t *testing.T, printed string) {
	t.Helper()
	var commands []string
	for _, match := range printedLine.FindAllStringSubmatch(printed, -1) {
		commands = append(commands, match[1])
	}
	require.Len(t, commands, 3, printed)
	service, err := servers.Start(s.shell(t, "exec "+commands[0]), filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer func() { require.NoError(t, service.Stop()) }()
	_, err = servers.AwaitKMS(service)
	require.NoError(t, err)
	commands = append(commands[1:], "vault write -f alicloudkms/keys/payroll", "vault delete alicloudkms/config")
	for _, command := range commands {
		out, err := s.shell(t, command).CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, out)
	}
}

// shell is a command as an operator types it, in a folder that has nothing to do with it.
func (s *stage) shell(t *testing.T, command string) *exec.Cmd {
	t.Helper()
	path := t.TempDir()
	require.NoError(t, os.Symlink(s.vault.platform.bin, filepath.Join(path, "vault")))
	require.NoError(t, os.Symlink(shared.service(), filepath.Join(path, "alicloudkms")))
	cmd := exec.Command("bash", "-euc", command)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"),
		s.vault.platform.prefix+"ADDR=http://"+s.vault.Address, s.vault.platform.prefix+"TOKEN="+s.vault.Client.Token())
	return cmd
}
