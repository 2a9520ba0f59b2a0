package kmsprovider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

// A Login is a way to get a token of Vault.
type Login interface {
	// token returns a token, with what is known of its lifetime.
	token(ctx context.Context, c *api.Client) (*api.SecretAuth, error)
}

// GivenToken is a token from the client's environment. It is renewed, but never replaced.
type GivenToken struct{ Token string }

func (g GivenToken) token(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
	if g.Token == "" {
		return nil, errors.New("there is no token for Vault: set VAULT_TOKEN, or name one of the flags for a login")
	}
	return lookUp(ctx, c, g.Token)
}

// TokenFile is a file with a token, which something else keeps fresh, such as Vault Agent.
type TokenFile struct{ Path string }

func (f TokenFile) token(context.Context, *api.Client) (*api.SecretAuth, error) {
	const readAgain = 90 // Seconds, two thirds of which are a minute.
	token, err := readSecret(f.Path)
	return &api.SecretAuth{ClientToken: token, LeaseDuration: readAgain}, err
}

// AppRole logs in with a role id and the secret id in a file, if the role has one.
type AppRole struct{ Mount, RoleID, SecretIDFile string }

func (a AppRole) token(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
	fields := map[string]any{"role_id": a.RoleID}
	if a.SecretIDFile != "" {
		secret, err := readSecret(a.SecretIDFile)
		if err != nil {
			return nil, err
		}
		fields["secret_id"] = secret
	}
	return logIn(ctx, c, a.Mount, fields)
}

// JWT logs in with a role and the token of a Kubernetes service account in a file, by Vault's auth method kubernetes or
// jwt.
type JWT struct{ Mount, Role, File string }

func (j JWT) token(ctx context.Context, c *api.Client) (*api.SecretAuth, error) {
	token, err := readSecret(j.File)
	if err != nil {
		return nil, err
	}
	return logIn(ctx, c, j.Mount, map[string]any{"role": j.Role, "jwt": token})
}

// logIn logs in at an auth method. The request carries no token: the old one may be why it is sent.
func logIn(ctx context.Context, c *api.Client, mount string, fields map[string]any) (*api.SecretAuth, error) {
	path := "auth/" + mount + "/login"
	stranger, err := c.CloneWithHeaders()
	if err != nil {
		return nil, err
	}
	stranger.SetToken("")
	answer, err := stranger.Logical().WriteWithContext(ctx, path, fields)
	if err != nil {
		return nil, vaultkey.Explain(path, err)
	}
	if answer == nil || answer.Auth == nil || answer.Auth.ClientToken == "" {
		return nil, fmt.Errorf("Vault has answered %s without a token", path)
	}
	return answer.Auth, nil
}

// lookUp returns what Vault says about a token's lifetime. A token that may not look itself up counts as one that
// lasts.
func lookUp(ctx context.Context, c *api.Client, token string) (*api.SecretAuth, error) {
	found := &api.SecretAuth{ClientToken: token}
	answer, err := c.Auth().Token().LookupSelfWithContext(ctx)
	if isForbidden(err) {
		return found, nil
	}
	if err != nil || answer == nil {
		return found, err
	}
	life, err := answer.TokenTTL()
	if err != nil {
		return nil, err
	}
	found.LeaseDuration = int(life.Seconds())
	found.Renewable, err = answer.TokenIsRenewable()
	return found, err
}

// readSecret returns the one word in a file. Its errors show the name of the file and nothing of its content.
func readSecret(path string) (string, error) {
	content, err := input.ReadFile(path)
	if err != nil {
		return "", err
	}
	word, err := input.Word(string(content))
	if err == nil && word == "" {
		err = errors.New("is empty")
	}
	if err != nil {
		return "", fmt.Errorf("%s %w", path, err)
	}
	return word, nil
}
