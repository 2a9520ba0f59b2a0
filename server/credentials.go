package server

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// credential is an access key with the account it belongs to and what it may do.
type credential struct {
	account  string
	id       string
	secret   kmsapi.Secret
	inactive bool
	// token is empty for an access key that is not temporary, and expires zero for one that never does.
	token       kmsapi.Secret
	expires     time.Time
	permissions permissions
}

// loadCredentials reads the secrets of all access keys, and returns them by access key id.
func loadCredentials(accounts []Account) (map[string]credential, error) {
	byID := map[string]credential{}
	for _, a := range accounts {
		for _, k := range a.AccessKeys {
			loaded, err := k.load(a.ID)
			if err != nil {
				return nil, fmt.Errorf("access_key %q: %w", k.ID, err)
			}
			byID[k.ID] = loaded
		}
	}
	return byID, nil
}

func (k AccessKey) load(account string) (credential, error) {
	loaded := credential{account: account, id: k.ID, inactive: k.Inactive, permissions: newPermissions(k.Allow)}
	var err error
	if loaded.secret, err = loadSecret(k.Secret, k.SecretFile); err != nil {
		return loaded, err
	}
	if loaded.expires, err = k.expiry(); err != nil {
		return loaded, err
	}
	if k.isTemporary() {
		loaded.token, err = loadSecret(k.SecurityToken, k.SecurityTokenFile)
	}
	return loaded, err
}

// loadSecret returns text, or what the file holds, which its owner alone may read.
func loadSecret(text, file string) (kmsapi.Secret, error) {
	if file == "" {
		return kmsapi.NewSecret(text), nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return kmsapi.Secret{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return kmsapi.Secret{}, fmt.Errorf("%s can be read by others; run: chmod 600 %s", file, file)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return kmsapi.Secret{}, err
	}
	secret := strings.TrimSpace(string(content))
	if secret == "" {
		return kmsapi.Secret{}, fmt.Errorf("%s is empty", file)
	}
	return kmsapi.NewSecret(secret), nil
}
