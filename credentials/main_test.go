package credentials

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// theCloud imitates Alibaba Cloud for the whole test binary, because net/http and crypto/x509 read the proxy and the
// authorities from the environment only once.
var theCloud *cloud

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

// runTests runs all tests, and fails if one leaves a goroutine behind.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "credentials")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	theCloud = newCloud(filepath.Join(dir, "ca.pem"))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		_ = os.Setenv(name, theCloud.proxy.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	_ = os.Setenv("SSL_CERT_FILE", filepath.Join(dir, "ca.pem"))
	code := m.Run()
	theCloud.close()
	if err := leaked(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// leaked looks for goroutines that do not end. goleak gives them less than half a second, in which a busy machine may
// run none of them, so it looks often.
func leaked() (err error) {
	for range 100 {
		if err = goleak.Find(); err == nil {
			return nil
		}
	}
	return err
}

// cleanEnvironment removes every source of credentials from the environment, and returns the home folder.
func cleanEnvironment(t *testing.T) string {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "ALIBABA_CLOUD_") {
			t.Setenv(name, "")
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	theCloud.reset()
	return home
}

// setAll sets variables for a test.
func setAll(t *testing.T, variables map[string]string) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
	}
}
