package kmsprovider

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// A vaultDouble has as much of Vault as a token needs; package e2e has the real one. It gives tokens t1, t2 and so on,
// which live for 30 minutes, and accepts only the last one.
type vaultDouble struct {
	mu       sync.Mutex
	logins   []string
	renewals int
	token    string
	clock    time.Time
	session  *Session
}

func (v *vaultDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	auth := map[string]any{"lease_duration": 1800, "renewable": true}
	var body map[string]string
	_ = json.NewDecoder(r.Body).Decode(&body)
	switch token := r.Header.Get("X-Vault-Token"); {
	case filepath.Base(r.URL.Path) == "login" && token == "":
		v.logins = append(v.logins, r.URL.Path+" "+body["role_id"]+body["role"]+" "+body["secret_id"]+body["jwt"])
		v.token = "t" + string(rune('0'+len(v.logins)))
		auth["client_token"] = v.token
	case token != v.token:
		w.WriteHeader(http.StatusForbidden)
		return
	case filepath.Base(r.URL.Path) == "renew-self":
		v.renewals++
		auth["client_token"] = v.token
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"auth": auth, "data": map[string]any{"ttl": 1800, "renewable": true}})
}

// use lets the session send a request.
func (v *vaultDouble) use(ctx context.Context) error {
	var answer struct{}
	return v.session.do(ctx, "kms/keys/k8s", &answer, func(ctx context.Context, c *api.Logical) (*api.Secret, error) {
		return c.ReadWithContext(ctx, "kms/keys/k8s")
	})
}

func newVaultDouble(t *testing.T, given string, login Login) *vaultDouble {
	t.Helper()
	v := &vaultDouble{clock: time.Now()}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	config := api.DefaultConfig()
	config.Address, config.MaxRetries = server.URL, 0
	client, err := api.NewClient(config)
	require.NoError(t, err)
	client.SetToken(given)
	v.session = NewSession(client, login, func() time.Time { return v.clock })
	return v
}

// write makes a file with a secret in it.
func write(t *testing.T, secret string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(secret+"\n"), 0o600))
	return path
}

func TestLoginsSendWhatTheyAreMadeOf(t *testing.T) {
	for name, tc := range map[string]struct {
		login Login
		want  string
	}{
		"approle":              {AppRole{"approle", "r", write(t, "s")}, "/v1/auth/approle/login r s"},
		"approle, no secret":   {AppRole{"team/approle", "r", ""}, "/v1/auth/team/approle/login r "},
		"kubernetes":           {JWT{"kubernetes", "r", write(t, "j")}, "/v1/auth/kubernetes/login r j"},
		"jwt at a mount's own": {JWT{"oidc", "r", write(t, "j")}, "/v1/auth/oidc/login r j"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVaultDouble(t, "an old token of the environment", tc.login)
			require.NoError(t, v.session.Keep(t.Context()))
			require.Equal(t, []string{tc.want}, v.logins)
			require.NoError(t, v.use(t.Context()))
		})
	}
}

func TestATokenIsRenewedInTimeAndReplacedIfItIsGone(t *testing.T) {
	v := newVaultDouble(t, "", AppRole{"approle", "r", ""})
	for range 3 {
		require.NoError(t, v.session.Keep(t.Context()))
	}
	require.Len(t, v.logins, 1)
	v.clock = v.clock.Add(19 * time.Minute)
	require.NoError(t, v.session.Keep(t.Context()))
	require.Zero(t, v.renewals)
	v.clock = v.clock.Add(2 * time.Minute)
	require.NoError(t, v.session.Keep(t.Context()))
	require.Equal(t, 1, v.renewals)

	v.token = "revoked"
	v.clock = v.clock.Add(21 * time.Minute)
	require.NoError(t, v.session.Keep(t.Context()))
	require.Len(t, v.logins, 2, "what can't be renewed is replaced")
	v.token = "revoked"
	require.NoError(t, v.use(t.Context()))
	require.Len(t, v.logins, 3, "a request notices it, too")
}

func TestARefusalForGoodAsksForFewTokens(t *testing.T) {
	v := newVaultDouble(t, "", AppRole{"approle", "r", ""})
	require.NoError(t, v.session.Keep(t.Context()))
	for range 5 {
		v.token = "revoked"
		_ = v.use(t.Context())
	}
	require.Len(t, v.logins, 2)
	v.clock = v.clock.Add(patience)
	require.NoError(t, v.use(t.Context()))
}

func TestAllRequestsWaitForTheTokenThatReplacesARevokedOne(t *testing.T) {
	v := newVaultDouble(t, "", AppRole{"approle", "r", ""})
	require.NoError(t, v.session.Keep(t.Context()))
	v.token = "revoked"
	const many = 30
	ended := make(chan error, many)
	for range many {
		go func() { ended <- v.use(t.Context()) }()
	}
	for range many {
		require.NoError(t, <-ended)
	}
	require.Len(t, v.logins, 2)
}

func TestAFailedLoginIsWhatTheErrorIsAbout(t *testing.T) {
	secret := write(t, "s")
	v := newVaultDouble(t, "", AppRole{"approle", "r", secret})
	require.NoError(t, os.Remove(secret))
	require.ErrorIs(t, v.use(t.Context()), os.ErrNotExist, "there was no token yet")
	require.NoError(t, os.WriteFile(secret, []byte("s"), 0o600))
	require.NoError(t, v.use(t.Context()))
	require.NoError(t, os.Remove(secret))
	v.token = "revoked"
	err := v.use(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "HTTP 403")
}

func TestATokenFileIsReadAgain(t *testing.T) {
	path := write(t, "first")
	v := newVaultDouble(t, "", TokenFile{path})
	v.token = "first"
	require.NoError(t, v.session.Keep(t.Context()))
	require.NoError(t, v.use(t.Context()))
	v.token = "second"
	require.NoError(t, os.WriteFile(path, []byte("second"), 0o600))
	require.NoError(t, v.use(t.Context()), "when the old one is refused")
	v.token = "third"
	require.NoError(t, os.WriteFile(path, []byte("third"), 0o600))
	v.clock = v.clock.Add(61 * time.Second)
	require.NoError(t, v.session.Keep(t.Context()))
	require.Equal(t, "third", v.session.client.Token(), "and every minute")
}

func TestAGivenTokenIsRenewed(t *testing.T) {
	v := newVaultDouble(t, "given", GivenToken{"given"})
	v.token = "given"
	require.NoError(t, v.session.Keep(t.Context()))
	v.clock = v.clock.Add(21 * time.Minute)
	require.NoError(t, v.session.Keep(t.Context()))
	require.Equal(t, 1, v.renewals)
	require.Error(t, newVaultDouble(t, "", GivenToken{}).session.Keep(t.Context()))
}

func TestErrorsAboutSecretsHoldNone(t *testing.T) {
	for _, content := range []string{"hidden\nhidden", ""} {
		v := newVaultDouble(t, "", TokenFile{write(t, content)})
		err := v.session.Keep(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hidden")
	}
}
