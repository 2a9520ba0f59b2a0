package credentials

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
)

func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{staticSecret, staticToken, sessionSecret, sessionToken, "the-oidc-token", "metadata-token"} {
		require.NotContains(t, text, secret)
	}
}

func TestAccessKeyThatIsGivenWinsOverTheEnvironment(t *testing.T) {
	setups["LTAIvariable"](t, cleanEnvironment(t))
	provider, err := New(Config{Static: temporary, UseEnvironment: true})
	require.NoError(t, err)
	require.Equal(t, temporary, provider, "and is a provider without any machinery")
	_, err = New(Config{})
	require.ErrorIs(t, err, errNothingGiven, "nobody has allowed the environment")
	_, err = New(Config{Role: Role{ARN: vaultRole}})
	require.ErrorIs(t, err, errNothingGiven)
}

func TestNothingPrintsASecret(t *testing.T) {
	setups["LTAIvariable"](t, cleanEnvironment(t))
	env, _ := fromEnvironment(t)
	requireKey(t, env, "LTAIvariable")
	session, _ := assuming(t, Role{ARN: vaultRole})
	requireKey(t, session, "STS.1")
	r, err := newRole(Role{ARN: vaultRole}, temporary, newTick().Now)
	require.NoError(t, err)
	answer, err := r.read(&http.Response{StatusCode: 200}, []byte(`{"Credentials":{"AccessKeyId":"a","AccessKeySecret":"`+sessionSecret+`","SecurityToken":"`+sessionToken+`"}}`))
	require.NoError(t, err)
	require.Equal(t, sessionSecret, answer.Credentials.AccessKeySecret.Reveal())
	for name, value := range map[string]any{
		"Config":            Config{Static: temporary, Role: Role{ARN: vaultRole}},
		"Role":              Role{ARN: vaultRole},
		"environment":       env,
		"session":           session,
		"client.Config":     client.Config{Credentials: session},
		"what is held":      *session.held.Load(),
		"a lease":           session.held.Load().lease,
		"a role":            r,
		"an answer of STS":  answer,
		"a refusal of STS":  &STSError{Code: "NoPermission"},
		"a source's error":  &sourceError{sources[0]},
		"a list with a few": []any{env, session, r},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				requireNoSecret(t, fmt.Sprintf(verb, value))
			}
			text, err := json.Marshal(value)
			if err == nil { // A role holds functions, which JSON can't write.
				requireNoSecret(t, string(text))
			}
		})
	}
	require.Equal(t, "credentials of the role "+vaultRole, fmt.Sprintf("%+v", session))
}
