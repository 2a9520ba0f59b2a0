package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
)

// suite owns everything shared: the folder, the binaries under test and one stage for each platform. Tests run one
// after another, so it needs no lock.
type suite struct {
	platforms []platform
	dir       string
	build     func() error
	// jq builds the jq of the docs, and returns its path.
	jq     func() (string, error)
	stages map[string]*stage
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

func newSuite(platforms []platform) (*suite, error) {
	dir, err := os.MkdirTemp("", "alicloudkms-e2e-")
	if err != nil {
		return nil, err
	}
	// It will contain a plugin's socket, and the path of a socket is limited to 104 bytes.
	if len(dir) > 80 {
		return nil, fmt.Errorf("the name of the temporary folder %s is too long: set TMPDIR to a shorter one", dir)
	}
	s := &suite{platforms: platforms, dir: dir, stages: map[string]*stage{}, environment: os.Environ()}
	s.build, s.jq = sync.OnceValue(s.buildBinaries), sync.OnceValues(s.buildJQ)
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
	s.folders++
	return filepath.Join(s.dir, fmt.Sprintf("%s%d", name, s.folders))
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

// buildJQ builds a jq from the pinned tools, since not every machine has one.
func (s *suite) buildJQ() (string, error) {
	output := filepath.Join(s.dir, "jq")
	build := exec.Command("go", "build", "-modfile=test/tools/go.mod", "-o", output, "github.com/itchyny/gojq/cmd/gojq")
	build.Dir, build.Env = root, s.environment
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build of jq: %w\n%s", err, out)
	}
	return output, nil
}

// stage returns the running stage of a platform, which it starts on first use.
func (s *suite) stage(p platform) (*stage, error) {
	if running, ok := s.stages[p.name]; ok {
		return running, nil
	}
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
	s.stages[p.name] = &stage{vault: vault, kms: kms}
	return s.stages[p.name], nil
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
