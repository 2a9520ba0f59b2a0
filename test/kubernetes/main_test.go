package kubernetes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// program is the alicloudkms binary.
var program string

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	servers.ClearEnvironment()
	dir, err := os.MkdirTemp("", "kubernetes-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "alicloudkms")
	if err := servers.Build(context.Background(), "../..", "alicloudkms", program, "v0.2.0-kubernetes"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
