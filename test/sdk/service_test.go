package sdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// access is what a caller signs with. Temporary access keys have a token.
type access struct{ id, secret, token string }

// service is a running KMS service.
type service struct {
	// address is host:port.
	address string
	// plain services use HTTP without TLS.
	plain bool
	// dedicated is what a client also needs if the service is the dedicated gateway of a KMS instance, whose address is
	// its name.
	dedicated *dedicated
	access

	process *servers.Process
}

// The services that all tests share, the CA of the first one and the variables that it exports, and the program.
// TestMain sets them before any test runs.
var (
	dev, plain, cloud *service
	devCA             string
	devExports        map[string]string
	program           string
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == aliyunName {
		os.Exit(aliyunMain(os.Args[1:]))
	}
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// run starts the services, runs the tests and stops the services. It fails if a service does not stop cleanly.
func run(m *testing.M) (status int, err error) {
	servers.ClearEnvironment()
	dir, err := os.MkdirTemp("", "alicloudkms-sdk-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "alicloudkms")
	if err := servers.Build(context.Background(), "../..", "alicloudkms", program, "sdk"); err != nil {
		return 1, err
	}
	if dev, err = startDev(program, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, dev.process.Stop()) }()
	if plain, err = startPlain(program, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, plain.process.Stop()) }()
	if cloud, err = startCloud(program, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cloud.process.Stop()) }()
	if err := trustAll(dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// trustAll makes this process trust the CAs of the services, in the way in which the SDKs' users do.
func trustAll(dir string) error {
	path := filepath.Join(dir, "authorities.pem")
	if err := os.WriteFile(path, []byte(devCA+cloudCA.CA()), 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", path)
}

// startDev starts `server -dev`.
func startDev(bin, dir string) (*service, error) {
	kms := &servers.KMS{Program: bin, Dir: filepath.Join(dir, "dev")}
	if err := kms.Start(); err != nil {
		return nil, errors.Join(err, kms.Stop())
	}
	s := &service{address: kms.Address, process: kms.Process}
	s.access = access{
		id:     kms.Exports["ALIBABA_CLOUD_ACCESS_KEY_ID"],
		secret: kms.Exports["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
	}
	devCA, devExports = kms.CA, kms.Exports
	return s, s.findDevInstance(kms)
}

// startPlain starts `server -config` in dir, with the root key that the development service made there.
func startPlain(bin, dir string) (*service, error) {
	process, err := startConfigured(bin, dir, "plain")
	if err != nil {
		return nil, err
	}
	address, err := servers.AwaitKMS(process)
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return &service{
		address: address, plain: true, access: access{id: "LTAIplain", secret: "the plain secret"}, process: process,
	}, nil
}

// startConfigured starts `server -config` with a configuration of testdata. Its paths are relative to it, so it is
// copied to dir.
func startConfigured(bin, dir, name string) (*servers.Process, error) {
	content, err := os.ReadFile(filepath.Join("testdata", name+".hcl"))
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, name+".hcl")
	if err := os.WriteFile(config, content, 0o600); err != nil {
		return nil, err
	}
	return servers.Start(exec.Command(bin, "server", "-config", config), filepath.Join(dir, name+".log"))
}

// The other access keys of testdata/plain.hcl.
var (
	inactive  = access{id: "LTAIinactive", secret: "the inactive secret"}
	temporary = access{id: "STS.temporary", secret: "the temporary secret", token: "CAIS+/the=token=="}
	writer    = access{id: "LTAIwriter", secret: "the writer's secret"}
)
