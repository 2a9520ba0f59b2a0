package sdk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// access is what a caller signs with. Temporary access keys have a token.
type access struct{ id, secret, token string }

// service is a running KMS service.
type service struct {
	// address is host:port.
	address string
	// plain services use HTTP without TLS.
	plain bool
	access

	// dir is its working directory, and log the file with its output.
	dir, log string
	process  *exec.Cmd
	done     chan struct{}
}

// The services that all tests share. TestMain sets them, before any test runs.
var dev, plain *service

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// run starts the services, runs the tests and stops the services. It fails if a service does not stop cleanly.
func run(m *testing.M) (status int, err error) {
	if err := leaveCallersEnvironment(); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "alicloudkms-sdk-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bin, err := build(dir)
	if err != nil {
		return 1, err
	}
	if dev, err = startDev(bin, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, dev.stop()) }()
	if plain, err = startPlain(bin, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, plain.stop()) }()
	return m.Run(), nil
}

var foreign = regexp.MustCompile(`(?i)^(alicloud|alibaba_cloud_|vault_|ssl_cert_|https?_proxy$|no_proxy$|all_proxy$)`)

// leaveCallersEnvironment unsets the caller's endpoints, credentials, proxies and CAs: the SDKs would prefer them.
func leaveCallersEnvironment() error {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); foreign.MatchString(name) {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func build(dir string) (string, error) {
	bin := filepath.Join(dir, "alicloudkms")
	cmd := exec.Command("go", "build", "-C", "../..", "-o", bin, "./cmd/alicloudkms")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the service: %w\n%s", err, out)
	}
	return bin, nil
}

// startDev starts `server -dev`, and makes this process trust its CA.
func startDev(bin, dir string) (*service, error) {
	exports := filepath.Join(dir, "dev.env")
	s := &service{dir: dir, log: filepath.Join(dir, "dev.log")}
	if err := s.start(bin, "server", "-dev", "-dev-dir", filepath.Join(dir, "dev"), "-dev-env", exports); err != nil {
		return nil, err
	}
	text, err := s.await(exports, regexp.MustCompile(`(?s).+`))
	if err != nil {
		return nil, err
	}
	variable := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		variable[name] = strings.Trim(value, "'")
	}
	s.address = variable["ALICLOUD_DOMAIN"]
	s.access = access{id: variable["ALIBABA_CLOUD_ACCESS_KEY_ID"], secret: variable["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]}
	return s, os.Setenv("SSL_CERT_FILE", variable["SSL_CERT_FILE"])
}

var readyLine = regexp.MustCompile(`msg=ready address=(\S+)`)

// startPlain starts `server -config`, with the root key that the development service has generated.
func startPlain(bin, dir string) (*service, error) {
	config, err := filepath.Abs("testdata/plain.hcl")
	if err != nil {
		return nil, err
	}
	s := &service{
		dir: dir, log: filepath.Join(dir, "plain.log"), plain: true,
		access: access{id: "LTAIplain", secret: "the plain secret"},
	}
	if err := s.start(bin, "server", "-config", config); err != nil {
		return nil, err
	}
	text, err := s.await(s.log, readyLine)
	if err != nil {
		return nil, err
	}
	s.address = readyLine.FindStringSubmatch(text)[1]
	return s, nil
}

// The other access keys of testdata/plain.hcl.
var (
	inactive  = access{id: "LTAIinactive", secret: "the inactive secret"}
	temporary = access{id: "STS.temporary", secret: "the temporary secret", token: "CAIS+/the=token=="}
	writer    = access{id: "LTAIwriter", secret: "the writer's secret"}
)

func (s *service) start(bin string, args ...string) error {
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	s.process, s.done = exec.Command(bin, args...), make(chan struct{})
	s.process.Dir, s.process.Stderr = s.dir, log
	if err := s.process.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.process.Wait() // Whoever waits for done reads the result from ProcessState.
		close(s.done)
	}()
	return nil
}

// await waits until want matches the file at path, and returns the content. It fails when the process exits.
func (s *service) await(path string, want *regexp.Regexp) (string, error) {
	for range 3000 {
		if text, err := os.ReadFile(path); err == nil && want.Match(text) {
			return string(text), nil
		}
		select {
		case <-s.done:
			return "", fmt.Errorf("the service has exited: %s\n%s", s.process.ProcessState, s.logged())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return "", errors.Join(fmt.Errorf("the service is not ready\n%s", s.logged()), s.stop())
}

// stop asks the process to exit and waits for it. The service exits within 20 seconds.
func (s *service) stop() error {
	_ = s.process.Process.Signal(syscall.SIGTERM) // It fails if the process has exited, which ProcessState shows.
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		_ = s.process.Process.Kill()
		<-s.done
	}
	if !s.process.ProcessState.Success() {
		return fmt.Errorf("the service: %s\n%s", s.process.ProcessState, s.logged())
	}
	return nil
}

func (s *service) logged() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
