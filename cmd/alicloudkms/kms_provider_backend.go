package main

import (
	"os"
	"slices"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/kmsprovider"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

// providerBackend returns what encrypts for a KMS provider, by its flags.
func providerBackend(c *cli.Command) (kmsprovider.Backend, error) {
	switch {
	case c.IsSet("vault") && c.IsSet("key"):
		return nil, usagef(c, "kms-provider takes either -key or -vault, not both")
	case c.IsSet("vault"):
		return vaultBackend(c)
	case c.IsSet("key"):
		return kmsBackend(c)
	default:
		return nil, usagef(c, "kms-provider needs -key KEY or -vault MOUNT/KEY")
	}
}

func kmsBackend(c *cli.Command) (kmsprovider.Backend, error) {
	for _, flag := range vaultLoginFlags() {
		if name := flag.Names()[0]; c.IsSet(name) {
			return nil, usagef(c, "-%s works only with -vault", name)
		}
	}
	key, previous, err := parseKeys(c, "key", kmsprovider.ParseKey)
	if err != nil {
		return nil, err
	}
	kms, err := kmsClient(c)
	return &kmsprovider.KMS{
		Client: kms, Key: key, Previous: previous, Cluster: c.String("cluster"), Dedicated: c.String("instance") != "",
	}, err
}

func vaultBackend(c *cli.Command) (kmsprovider.Backend, error) {
	if err := refuseWithVault(c, withoutTimeout()...); err != nil {
		return nil, err
	}
	key, previous, err := parseKeys(c, "vault", kmsprovider.ParseEngineKey)
	if err != nil {
		return nil, err
	}
	if err := vaultkey.AdoptOpenBao(os.Environ()); err != nil {
		return nil, err
	}
	client, err := vaultkey.NewClient()
	if err != nil {
		return nil, err
	}
	login, err := vaultLogin(c, client.Token())
	return &kmsprovider.Vault{
		Session: kmsprovider.NewSession(client, login, nil), Key: key, Previous: previous, Cluster: c.String("cluster"),
	}, err
}

// withoutTimeout returns the flags about KMS that do not concern Vault.
func withoutTimeout() (names []string) {
	for _, flag := range targetFlags(0) {
		names = append(names, flag.Names()[0])
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "timeout" })
}

// parseKeys reads the key in the flag called name, and the previous ones.
func parseKeys[K any](c *cli.Command, name string, parse func(string) (K, error)) (key K, previous []K, err error) {
	if key, err = parse(c.String(name)); err != nil {
		return key, nil, usagef(c, "-%s %q: %v", name, c.String(name), err)
	}
	for _, text := range c.StringSlice("previous-key") {
		another, err := parse(text)
		if err != nil {
			return key, nil, usagef(c, "-previous-key %q: %v", text, err)
		}
		previous = append(previous, another)
	}
	return key, previous, nil
}

// The ways to log in to Vault.
const (
	loginToken      = "token"
	loginAppRole    = "approle"
	loginKubernetes = "kubernetes"
	loginJWT        = "jwt"
)

// serviceAccountToken is where Kubernetes puts the token of a pod.
const serviceAccountToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

func vaultLoginFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "vault-auth", Value: loginToken, Validator: oneOf(loginToken, loginAppRole, loginKubernetes, loginJWT),
			Usage: "the auth `METHOD` for logging in to Vault: token, approle, kubernetes or jwt",
		},
		&cli.StringFlag{Name: "vault-auth-mount", Usage: "the `PATH` where the method is enabled, if not that of its name"},
		&cli.StringFlag{
			Name: "vault-role", Usage: "the `ROLE`: the role id of approle, or the name of another method's role",
		},
		&cli.StringFlag{
			Name:  "vault-auth-file",
			Usage: "the `FILE` with the token, the secret id of approle, or the JWT; for token, the default is VAULT_TOKEN",
		},
	}
}

// vaultLogin returns how to get a token of Vault. given is the token in the environment.
func vaultLogin(c *cli.Command, given string) (kmsprovider.Login, error) {
	method, role, file := c.String("vault-auth"), c.String("vault-role"), c.String("vault-auth-file")
	mount := c.String("vault-auth-mount")
	if method == loginToken {
		if role != "" || mount != "" {
			return nil, usagef(c, "-vault-role and -vault-auth-mount need -vault-auth METHOD")
		}
		if file != "" {
			return kmsprovider.TokenFile{Path: file}, nil
		}
		return kmsprovider.GivenToken{Token: given}, nil
	}
	if role == "" {
		return nil, usagef(c, "-vault-auth %s needs -vault-role ROLE", method)
	}
	if mount == "" {
		mount = method
	}
	if method == loginAppRole {
		return kmsprovider.AppRole{Mount: mount, RoleID: role, SecretIDFile: file}, nil
	}
	if file == "" {
		file = serviceAccountToken
	}
	return kmsprovider.JWT{Mount: mount, Role: role, File: file}, nil
}
