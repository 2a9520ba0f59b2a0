package server

import (
	"fmt"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// credential is an access key with the account it belongs to.
type credential struct {
	account  string
	id       string
	secret   kmsapi.Secret
	inactive bool
}

// loadCredentials reads the secrets of all access keys, and returns them by access key id.
func loadCredentials(accounts []Account) (map[string]credential, error) {
	byID := map[string]credential{}
	for _, a := range accounts {
		for _, k := range a.AccessKeys {
			secret, err := k.loadSecret()
			if err != nil {
				return nil, fmt.Errorf("access_key %q: %w", k.ID, err)
			}
			byID[k.ID] = credential{account: a.ID, id: k.ID, secret: secret, inactive: k.Inactive}
		}
	}
	return byID, nil
}

func (k AccessKey) loadSecret() (kmsapi.Secret, error) {
	if k.SecretFile == "" {
		return kmsapi.NewSecret(k.Secret), nil
	}
	info, err := os.Stat(k.SecretFile)
	if err != nil {
		return kmsapi.Secret{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return kmsapi.Secret{}, fmt.Errorf("%s can be read by others; run: chmod 600 %s", k.SecretFile, k.SecretFile)
	}
	text, err := os.ReadFile(k.SecretFile)
	if err != nil {
		return kmsapi.Secret{}, err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return kmsapi.Secret{}, fmt.Errorf("%s is empty", k.SecretFile)
	}
	return kmsapi.NewSecret(secret), nil
}
