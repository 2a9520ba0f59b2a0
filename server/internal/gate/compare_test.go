package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

func TestDifferencesBetweenAccessKeysShowNoSecret(t *testing.T) {
	one := &credential{account: "1", id: "one", secret: kmsapi.NewSecret("hidden"), permissions: newPermissions(nil)}
	changed := *one
	changed.account, changed.inactive, changed.secret = "2", true, kmsapi.NewSecret("hidden too")
	changed.token, changed.expires = kmsapi.NewSecret("hidden token"), time.Unix(1, 0)
	changed.permissions = newPermissions([]config.Allow{{Actions: []string{"kms:*"}, Resources: []string{"*"}}})
	two := &credential{id: "two"}
	require.Equal(t, []Difference{
		{"one", "moved to account 2"},
		{"one", "made inactive"},
		{"one", "new secret"},
		{"one", "needs a security token now"},
		{"one", "new expiry"},
		{"one", "new permissions"},
		{"two", "removed"},
	}, Differences(Credentials{"one": one, "two": two}, Credentials{"one": &changed}))
	require.Equal(t, []Difference{{"two", "added"}},
		Differences(Credentials{"one": one}, Credentials{"one": one, "two": two}))
	require.Equal(t, "no longer needs a security token", differences(&changed, one)[3])
}

// A reload that leaves the rates alone must not refill them: otherwise reloads would allow more requests.
func TestRatesThatDoNotChangeAreNotRefilled(t *testing.T) {
	g := &Gate{}
	account := []config.Account{{ID: "1"}}
	g.SetRates(config.Config{Accounts: account})
	before := g.rates.Load()
	g.SetRates(config.Config{Accounts: account, RateLimits: &config.RateLimits{Crypto: 1000}})
	require.Same(t, before, g.rates.Load(), "that is the default")
	g.SetRates(config.Config{Accounts: account, RateLimits: &config.RateLimits{Crypto: 1}})
	require.NotSame(t, before, g.rates.Load())
	before = g.rates.Load()
	g.SetRates(config.Config{
		Accounts: account, RateLimits: &config.RateLimits{Crypto: 1}, Instances: []config.Instance{{ID: "kst-abc"}},
	})
	require.NotSame(t, before, g.rates.Load())
}
