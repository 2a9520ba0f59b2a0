package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

func TestMain(m *testing.M) {
	flag.Parse()
	vaultProgram, baoProgram = os.Getenv("VAULT_BIN"), os.Getenv("BAO_BIN")
	servers.ClearEnvironment()
	var err error
	if programs, err = os.MkdirTemp("", "cluster-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if err := os.RemoveAll(programs); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(status)
}

var (
	// programs is the folder of what the tests build.
	programs string
	// vaultProgram is the vault binary, and baoProgram that of OpenBao, or empty.
	vaultProgram, baoProgram string
)

// builds are the programs of the tests, as they ship: without the race detector, which would change their timing.
var builds = map[string]func() (string, error){
	"alicloudkms": builtOnce("alicloudkms"), secretsPlugin: builtOnce(secretsPlugin), sealPlugin: builtOnce(sealPlugin),
}

const (
	secretsPlugin = "vault-plugin-secrets-alicloudkms"
	sealPlugin    = "openbao-plugin-kms-alicloudkms"
	version       = "v0.0.0-cluster"
)

func builtOnce(command string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		program := filepath.Join(programs, command)
		return program, servers.Build(context.Background(), "../..", command, program, version)
	})
}

func build(t *testing.T, command string) string {
	t.Helper()
	program, err := builds[command]()
	require.NoError(t, err)
	return program
}
