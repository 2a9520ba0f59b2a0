// Package vaultkey reaches keys of the secrets engine through the API of Vault or OpenBao, for programs that are not
// part of either.
package vaultkey

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/cliconfig"
)

// ErrPath means that a key of the secrets engine is not written as it must be.
var ErrPath = errors.New("it must look like MOUNT/KEY, such as alicloudkms/payroll")

// Split returns mount and name of a key that is written MOUNT/KEY, without slashes at the ends of either.
func Split(path string) (mount, name string, err error) {
	path = strings.Trim(path, "/")
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return "", "", ErrPath
	}
	return strings.TrimRight(path[:slash], "/"), path[slash+1:], nil
}

// NewClient returns a client for the server that the command `vault` would call, by VAULT_ADDR and its other variables.
// It has the token of VAULT_TOKEN, or else the one that `vault login` has left, if there is any.
func NewClient() (*api.Client, error) {
	client, err := api.NewClient(nil)
	if err != nil {
		return nil, fmt.Errorf("the settings of Vault: %w", err)
	}
	if client.Token() == "" {
		token, err := keptToken()
		if err != nil {
			return nil, fmt.Errorf("the token of Vault: %w", err)
		}
		client.SetToken(token)
	}
	return client, nil
}

// keptToken returns what `vault login` has left, and "" if it has left nothing.
func keptToken() (string, error) {
	helper, err := cliconfig.DefaultTokenHelper()
	if err != nil {
		return "", err
	}
	return helper.Get()
}

// AdoptOpenBao sets Vault's variables to what those of OpenBao say, which are the same with another prefix. Where both
// are set, OpenBao's win, as they do in the command `bao`. environment is as [os.Environ] returns it.
func AdoptOpenBao(environment []string) error {
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if rest, ok := strings.CutPrefix(name, "BAO_"); ok {
			if err := os.Setenv("VAULT_"+rest, value); err != nil {
				return err
			}
		}
	}
	return nil
}
