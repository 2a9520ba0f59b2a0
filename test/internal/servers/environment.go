package servers

import (
	"os"
	"regexp"
	"strings"
)

// foreign matches the variables by which the caller's shell would direct Vault, the SDKs and the engine to other
// servers, credentials, authorities and proxies. Those that begin with ALICLOUDKMS_ are for the tests themselves.
var (
	foreign = regexp.MustCompile(`(?i)^(alicloud|alibaba_cloud_|vault_|bao_|ssl_cert_)|_proxy$`)
	ours    = regexp.MustCompile(`^ALICLOUDKMS_`)
)

// ClearEnvironment unsets the variables of the caller's shell that would change what servers and clients do.
func ClearEnvironment() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); foreign.MatchString(name) && !ours.MatchString(name) {
			_ = os.Unsetenv(name) // It can't fail for a name that is set.
		}
	}
}
