package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suite owns everything shared: the folder, the binaries under test and one stage for each platform.
//
// A test that mostly waits for servers of its own runs in parallel with others of its kind, after all others. It must
// neither count the plugin's processes of the stage's server nor change what that server's plugin is.
type suite struct {
	platforms []platform
	dir       string
	build     func() error
	// stages starts the stage of a platform on first use.
	stages map[string]func() (*stage, error)

	mu sync.Mutex // guards the fields below
	// folders is the number of folders handed out.
	folders int
	// started are all servers that tests have started, in order.
	started []interface{ Stop() error }

	secrets confidential
	// environment is the caller's: the build may need its proxies.
	environment []string
}

// stage is a running platform with a KMS service.
type stage struct {
	vault *vaultServer
	kms   *kmsService
}

// withOwnVault returns a stage with the same KMS service and a server of its own for one test, which may then count the
// plugin's processes in parallel with other tests.
func (s *stage) withOwnVault(t *testing.T, name string) *stage {
	t.Helper()
	v, err := startVault(shared, s.vault.platform, s.vault.platform.name+"-"+name+"-", settings{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, v.Stop()) })
	return &stage{vault: v, kms: s.kms}
}

func newSuite(platforms []platform) (*suite, error) {
	dir, err := os.MkdirTemp("", "alicloudkms-e2e-")
	if err != nil {
		return nil, err
	}
	// It will contain a plugin's socket, and the path of a socket is limited to 104 bytes.
	if len(dir) > 80 {
		return nil, fmt.Errorf("the name of the temporary folder %s is too long: set TMPDIR to a shorter one", dir)
	}
	s := &suite{
		platforms: platforms, dir: dir, stages: map[string]func() (*stage, error){}, environment: os.Environ(),
	}
	s.build = sync.OnceValue(s.buildBinaries)
	for _, p := range platforms {
		s.stages[p.name] = sync.OnceValues(func() (*stage, error) { return s.startStage(p) })
	}
	return s, os.Mkdir(s.plugins(), 0o700)
}

const (
	module     = "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
	pluginName = "vault-plugin-secrets-alicloudkms"
	sealName   = "openbao-plugin-kms-alicloudkms"
	// stampedVersion is not the version of a release, so that only a version stamped by the build can pass.
	stampedVersion = "v0.1.0-e2e"
)

// folder returns the path of a new folder for a server called name. It does not create the folder.
func (s *suite) folder(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders++
	return filepath.Join(s.dir, fmt.Sprintf("%s%d", name, s.folders))
}

// stopsAtTheEnd makes sure that a server is stopped after all tests, if its test does not stop it.
func (s *suite) stopsAtTheEnd(server interface{ Stop() error }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, server)
}

func (s *suite) plugins() string { return filepath.Join(s.dir, "plugins") }
func (s *suite) plugin() string  { return filepath.Join(s.plugins(), pluginName) }
func (s *suite) seal() string    { return filepath.Join(s.plugins(), sealName) }
func (s *suite) service() string { return filepath.Join(s.dir, "alicloudkms") }

// buildBinaries builds the binaries under test.
func (s *suite) buildBinaries() error {
	return errors.Join(
		s.buildBinary("cmd/"+pluginName, s.plugin(), stampedVersion),
		s.buildBinary("cmd/"+sealName, s.seal(), stampedVersion),
		s.buildBinary("cmd/alicloudkms", s.service(), stampedVersion),
	)
}

// buildBinary builds one command, with the race detector if the tests use it.
func (s *suite) buildBinary(command, output, version string) error {
	args := []string{
		"build", "-buildvcs=false", "-ldflags",
		"-X " + module + ".Version=" + version + " -X main.version=" + version,
	}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "-o", output, module+"/"+command)...)
	build.Env = s.environment
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build of %s: %w\n%s", command, err, out)
	}
	return nil
}

// startStage starts the stage of a platform.
func (s *suite) startStage(p platform) (*stage, error) {
	if err := s.build(); err != nil {
		return nil, err
	}
	kms, err := startKMS(s, p.name+"-kms-")
	if err != nil {
		return nil, err
	}
	vault, err := startVault(s, p, p.name, settings{})
	if err != nil {
		return nil, err
	}
	return &stage{vault: vault, kms: kms}, nil
}

// close stops everything and searches the files that are left. The folder is kept if there is something to look at:
// after a failed test, or if the search finds something.
func (s *suite) close(failed bool) error {
	var errs []error
	for _, server := range slices.Backward(s.started) {
		errs = append(errs, server.Stop())
	}
	errs = append(errs, s.secrets.search(s.dir), searchForRaces(s.dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nlogs and data are in %s", err, s.dir)
	}
	if failed {
		fmt.Fprintln(os.Stderr, "e2e: logs and data are in", s.dir)
		return nil
	}
	return os.RemoveAll(s.dir)
}
