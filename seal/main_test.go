package seal

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"
)

// TestMain lets the test binary be the plugin, if OpenBao's cookie is in its environment: so the race detector watches the
// plugin's side too, and nothing has to be built.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue {
		plugin.Serve(&plugin.ServeOpts{WrapperFactoryFunc: func() wrapping.Wrapper { return new(Wrapper) }})
		return
	}
	os.Exit(runTests(m))
}

// runTests runs all tests in an environment without credentials, where nobody asks for the metadata of an ECS instance.
func runTests(m *testing.M) int {
	home, err := os.MkdirTemp("", "seal")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "ALICLOUD") || strings.HasPrefix(name, "ALIBABA_CLOUD_") || strings.HasPrefix(name, "VAULT_") {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("HOME", home)
	_ = os.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	return m.Run()
}
