package credentials

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/cloudcall"
)

func requireNoSecret(t *testing.T, printed string) {
	t.Helper()
	for _, secret := range []string{
		staticSecret, staticToken, sessionSecret, sessionToken, "the-oidc-token", "metadata-token",
	} {
		require.NotContains(t, printed, secret)
	}
}

func TestAnAccessKeyInTheConfigWinsOverTheEnvironment(t *testing.T) {
	setups["LTAIvariable"](t, cleanEnvironment(t))
	provider, err := New(Config{Static: temporary, UseEnvironment: true})
	require.NoError(t, err)
	require.Equal(t, temporary, provider, "and needs no cache")
	_, err = New(Config{})
	require.ErrorIs(t, err, errNoCredentials, "the environment is not enabled")
	_, err = New(Config{Role: Role{ARN: vaultRole}})
	require.ErrorIs(t, err, errNoCredentials)
}

func TestNothingPrintsASecret(t *testing.T) {
	setups["LTAIvariable"](t, cleanEnvironment(t))
	env, _ := fromEnvironment(t)
	requireKey(t, env, "LTAIvariable")
	assumed, _ := assuming(t, Role{ARN: vaultRole})
	requireKey(t, assumed, "STS.1")
	r, err := newRole(Role{ARN: vaultRole}, temporary, newTick().Now)
	require.NoError(t, err)
	answer, err := r.read(&cloudcall.Answer{Status: 200, Body: []byte(session("STS.1", time.Now()))})
	require.NoError(t, err)
	require.Equal(t, sessionSecret, answer.Credentials.AccessKeySecret.Reveal())
	for name, value := range map[string]any{
		"Config":            Config{Static: temporary, Role: Role{ARN: vaultRole}},
		"Role":              Role{ARN: vaultRole},
		"environment":       env,
		"session":           assumed,
		"client.Config":     client.Config{Credentials: assumed},
		"a state":           *assumed.state.Load(),
		"a lease":           assumed.state.Load().lease,
		"a role":            r,
		"an answer of STS":  answer,
		"a refusal of STS":  &STSError{Code: "NoPermission"},
		"a source's error":  &sourceError{sources[0]},
		"a list of several": []any{env, assumed, r},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				requireNoSecret(t, fmt.Sprintf(verb, value))
			}
			encoded, err := json.Marshal(value)
			if err == nil { // JSON can't encode a role, which holds functions.
				requireNoSecret(t, string(encoded))
			}
		})
	}
	require.Equal(t, "credentials of the role "+vaultRole, fmt.Sprintf("%+v", assumed))
}
