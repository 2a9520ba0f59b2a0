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
	vaultProgram = os.Getenv("VAULT_BIN")
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
	// vaultProgram is the vault binary, or empty.
	vaultProgram string
)

// buildOnce builds the program under test as it ships: without the race detector, which would change what is slow.
var buildOnce = sync.OnceValues(func() (string, error) {
	program := filepath.Join(programs, "alicloudkms")
	return program, servers.Build(context.Background(), "../..", "alicloudkms", program, "cluster-test")
})

func build(t *testing.T) string {
	t.Helper()
	program, err := buildOnce()
	require.NoError(t, err)
	return program
}
