package e2e

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// shared is what the tests have in common. TestMain creates it and tears it down.
var shared *suite

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if shared, err = newSuite(platformsFromEnvironment()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	servers.ClearEnvironment()
	code := m.Run()
	if err := shared.close(code != 0); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

// platform is a kind of server that runs the plugin.
type platform struct {
	name string
	bin  string
	// prefix begins the environment variables that its command line reads.
	prefix string
}

func platformsFromEnvironment() []platform {
	all := []platform{
		{name: "vault", bin: os.Getenv("VAULT_BIN"), prefix: "VAULT_"},
		{name: "openbao", bin: os.Getenv("BAO_BIN"), prefix: "BAO_"},
	}
	return slices.DeleteFunc(all, func(p platform) bool { return p.bin == "" })
}

const requireVault = "ALICLOUDKMS_REQUIRE_VAULT"

// onEach runs test once on every available platform.
func onEach(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	if len(shared.platforms) == 0 {
		const why = "no Vault to test on: set VAULT_BIN to a Vault binary (or BAO_BIN to an OpenBao one), or run make test"
		if os.Getenv(requireVault) != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	for _, p := range shared.platforms {
		t.Run(p.name, func(t *testing.T) {
			s, err := shared.stages[p.name]()
			if err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}
