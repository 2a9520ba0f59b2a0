package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// demo is a `make` target that runs servers, started the way a user would, in its own process group and with its own
// temporary folder, so that leftovers can be detected.
type demo struct {
	*servers.Process
	tmp string
}

const (
	demoStopTimeout = 2 * time.Minute
	pollInterval    = 20 * time.Millisecond
)

// startDemo runs make with a target, and variables for it.
func startDemo(t *testing.T, target, vaultBin string, variables ...string) *demo {
	t.Helper()
	return runDemo(t, vaultBin, "make", append([]string{"-C", root, target}, variables...)...)
}

// runDemo runs a program that starts a demo.
func runDemo(t *testing.T, vaultBin, program string, arguments ...string) *demo {
	t.Helper()
	// The temporary folder of a test has a long name, and the paths of the plugin's sockets are limited to 108 characters.
	tmp, err := os.MkdirTemp("", "demo-")
	require.NoError(t, err)
	d := &demo{tmp: tmp}
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".vault-token"), []byte("mine"), 0o600))

	cmd := exec.Command(program, arguments...)
	servers.OwnGroup(cmd)
	// Settings of the caller, which must have no effect.
	cmd.Env = append(os.Environ(),
		"TMPDIR="+d.tmp, "VAULT_BIN="+vaultBin,
		"VAULT_ADDR=http://127.0.0.1:1", "VAULT_TOKEN=nonsense", "VAULT_NAMESPACE=nowhere", "ALICLOUD_REGION=mars-1",
		"http_proxy=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "ENV="+filepath.Join(home, ".vault-token"),
	)
	cmd.Env = append(cmd.Env, goEnvironment(t)...)
	cmd.Env = append(cmd.Env, "HOME="+home)
	d.Process, err = servers.Start(cmd, filepath.Join(t.TempDir(), "demo.log"))
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = syscall.Kill(-d.PID(), syscall.SIGTERM)
		<-d.Done()
		token, err := os.ReadFile(filepath.Join(home, ".vault-token"))
		if err != nil || string(token) != "mine" {
			t.Errorf("the caller's token has changed: %q, %v", token, err)
		}
		if err := os.RemoveAll(tmp); err != nil {
			t.Error(err)
		}
	})
	return d
}

// goEnvironment keeps Go's folders, which are normally found through HOME.
func goEnvironment(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env
}

// Await waits until ready reports true, for longer than for a server: unless an earlier test has, make builds first,
// which takes many minutes on a busy machine.
func (d *demo) Await(ready func() bool) (err error) {
	for range 5 {
		if err = d.Process.Await(ready); err == nil {
			return nil
		}
		select {
		case <-d.Done():
			return err
		default:
		}
	}
	return err
}

func (d *demo) prints(text string) func() bool {
	return func() bool {
		printed, err := os.ReadFile(d.Log())
		return err == nil && strings.Contains(string(printed), text)
	}
}

// leavesNothing fails if a file is left in the temporary folder, or a process with its name in its environment.
// When make itself is killed, it forwards the signal and exits at once, so the script may still be cleaning up.
func (d *demo) leavesNothing(t *testing.T) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(demoStopTimeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
		if left = append(d.files(t), processesOf(t, d.tmp)...); len(left) == 0 {
			return
		}
	}
	require.Empty(t, left, d.Tail())
}

func (d *demo) files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(d.tmp, "*"))
	require.NoError(t, err)
	return files
}

func TestDemoRunsToTheEndAndLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		d := startDemo(t, "demo", s.vault.platform.bin)
		require.NoError(t, d.Wait(), d.Tail())
		for _, text := range []string{
			"$ vault write alicloudkms/config", "secret_key=\"$ALICLOUD_SECRET_KEY\"", "Code: 403", "Code: 409",
			"Rejected.Disabled",
			"answers were checked",
		} {
			require.True(t, d.prints(text)(), "%q is missing in:\n%s", text, d.Tail())
		}
		d.leavesNothing(t)
		printed, err := os.ReadFile(d.Log())
		require.NoError(t, err)
		require.Empty(t, unset(string(printed)), "the commands can't be typed as printed: variables are not set")
	})
}

var (
	printedCommand = regexp.MustCompile(`(?m)^\$ (?:.*\\\n)*.*$`)
	assignment     = regexp.MustCompile(`(?m)^(?:\$ | *)(\w+)=`)
	expansion      = regexp.MustCompile(`\$([A-Za-z_]\w*)`)
	// exported are the variables that `make dev` sets.
	exported = regexp.MustCompile(`^(ALICLOUD_|ALIBABA_CLOUD_|VAULT_|SSL_CERT_FILE$)`)
)

// unset returns the variables that printed commands use, and which neither they nor make dev have set.
func unset(printed string) (names []string) {
	set := map[string]bool{}
	for _, command := range printedCommand.FindAllString(printed, -1) {
		for _, made := range assignment.FindAllStringSubmatch(command, -1) {
			set[made[1]] = true
		}
		for _, used := range expansion.FindAllStringSubmatch(command, -1) {
			if name := used[1]; !set[name] && !exported.MatchString(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func TestVariablesThatAreNotSetAreFound(t *testing.T) {
	require.Equal(t, []string{"b", "c"}, unset("$ a=1\n  out $x\n$ echo $a $VAULT_ADDR $b \\\n    $c\n  $d\n$ b=2\n"))
}

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, stage := range []string{"building", "1. ", "4. ", "7. ", "9. "} {
			for name, signal := range map[string]syscall.Signal{"Ctrl-C": syscall.SIGINT, "TERM": syscall.SIGTERM} {
				t.Run(name+" at "+strings.TrimSpace(stage), func(t *testing.T) {
					d := startDemo(t, "demo", s.vault.platform.bin)
					require.NoError(t, d.Await(d.prints(stage)))
					// A terminal sends Ctrl-C to the whole group; kill sends TERM only to make.
					pid := d.PID()
					if signal == syscall.SIGINT {
						pid = -pid
					}
					require.NoError(t, syscall.Kill(pid, signal))
					require.Error(t, d.Wait())
					d.leavesNothing(t)
				})
			}
		}
	})
}

func TestDevStaysUpUntilItIsInterrupted(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		d := startDemo(t, "dev", s.vault.platform.bin)
		require.NoError(t, d.Await(d.prints("Ctrl-C ends it all")))
		printed, err := os.ReadFile(d.Log())
		require.NoError(t, err)
		_, after, _ := strings.Cut(string(printed), "  . ")
		env, _, _ := strings.Cut(after, "\n")
		// as printed
		use := exec.Command("bash", "-euc", ". "+env+" && vault secrets list && vault read sys/mounts/alicloudkms")
		use.Env = append(os.Environ(),
			"PATH="+filepath.Dir(s.vault.platform.bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := use.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "running_plugin_version")

		require.NoError(t, syscall.Kill(-d.PID(), syscall.SIGINT))
		select {
		case <-d.Done():
		case <-time.After(demoStopTimeout):
			require.Fail(t, "it does not stop", d.Tail())
		}
		d.leavesNothing(t)
	})
}

func TestDevInAScript(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const earlier = "export VAULT_ADDR='http://127.0.0.1:1'\n"
		env := filepath.Join(t.TempDir(), "the env")
		require.NoError(t, os.WriteFile(env, []byte(earlier), 0o644))
		d := startDemo(t, "dev", s.vault.platform.bin, "ENV="+env)
		var script string
		require.NoError(t, d.Await(func() bool {
			content, err := os.ReadFile(env)
			script = string(content)
			return err == nil && script != earlier
		}))
		require.Contains(t, script, "export PATH=", "it is there as a whole, or not at all")
		info, err := os.Stat(env)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		use := exec.Command("bash", "-euc", `. "$0" && vault secrets list && command -v alicloudkms`, env)
		out, err := use.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "/bin/alicloudkms")
		require.NoError(t, d.Await(d.prints("Ctrl-C ends it all")))

		require.NoError(t, syscall.Kill(d.PID(), syscall.SIGTERM)) // To make, as `kill $!` sends it.
		require.Error(t, d.Wait())
		d.leavesNothing(t)
		require.NoFileExists(t, env)
		printed, err := os.ReadFile(d.Log())
		require.NoError(t, err)
		require.NotContains(t, string(printed), "Error")
		for _, secret := range regexp.MustCompile(`(?:TOKEN|SECRET|SECRET_KEY)='([^']+)'`).FindAllStringSubmatch(script, -1) {
			require.NotContains(t, string(printed), secret[1], "the file has it")
		}
	})
}

func TestCtrlCEndsAScriptAndTheDevThatItHasStartedInTheBackground(t *testing.T) {
	if exec.Command("env", "--default-signal=INT", "true").Run() != nil {
		t.Skip("only GNU's env takes back that a script lets make ignore Ctrl-C")
	}
	onEach(t, func(t *testing.T, s *stage) {
		env := filepath.Join(t.TempDir(), "env")
		d := runDemo(t, s.vault.platform.bin, "bash", "-c", `make -C "$0" dev ENV="$1" & wait`, root, env)
		require.NoError(t, d.Await(d.prints("Ctrl-C ends it all")))
		require.NoError(t, syscall.Kill(-d.PID(), syscall.SIGINT))
		require.Error(t, d.Wait())
		d.leavesNothing(t)
		require.NoFileExists(t, env)
	})
}

func TestDevReplacesOnlyFilesOfEarlierRuns(t *testing.T) {
	const noFile, notEarlier = " is not a file, and is not replaced", " is not from an earlier run, and is not replaced"
	for name, tc := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a folder": {func(path string) error { return os.Mkdir(path, 0o700) }, noFile},
		"a link":   {func(path string) error { return os.Symlink("target", path) }, noFile},
		"another file": {
			func(path string) error { return os.WriteFile(path, []byte("precious\n"), 0o600) }, notEarlier,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "env")
			require.NoError(t, tc.make(path))
			cmd := exec.Command("make", "-C", root, "dev", "ENV="+path)
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), path+tc.want)
			_, err = os.Lstat(path)
			require.NoError(t, err)
		})
	}
}
