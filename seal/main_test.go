package seal

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"
)

// TestMain serves the plugin if OpenBao's cookie is in the environment: the race detector then also watches the
// plugin's side, and nothing needs to be built.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue {
		plugin.Serve(&plugin.ServeOpts{
			WrapperFactoryFunc: func() wrapping.Wrapper { return new(Wrapper) },
			KMSFactoryFunc:     NewExternalKeys,
			Metadata:           plugin.Metadata{SensitiveKMSFields: SensitiveKMSFields()},
		})
		return
	}
	os.Exit(runTests(m))
}

// runTests runs all tests in an environment without credentials, in which the metadata of an ECS instance is not
// requested.
func runTests(m *testing.M) int {
	home, err := os.MkdirTemp("", "seal")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{"ALICLOUD", "ALIBABA_CLOUD_", "VAULT_"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	_ = os.Setenv("HOME", home)
	_ = os.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	return m.Run()
}
