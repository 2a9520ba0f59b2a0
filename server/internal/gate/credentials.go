package gate

import (
	"fmt"
	"os"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// Credentials are the access keys that a gate accepts, by their ids.
type Credentials map[string]*credential

// credential is an access key with its account and its permissions.
type credential struct {
	account  string
	id       string
	secret   kmsapi.Secret
	inactive bool
	// token is empty for an access key that is not temporary, and expires zero for one that never does.
	token       kmsapi.Secret
	expires     time.Time
	permissions *permissions
}

// LoadCredentials reads the secrets of all access keys.
func LoadCredentials(accounts []config.Account) (Credentials, error) {
	byID := Credentials{}
	for _, a := range accounts {
		for _, k := range a.AccessKeys {
			loaded, err := load(a.ID, k)
			if err != nil {
				return nil, fmt.Errorf("access_key %q: %w", k.ID, err)
			}
			byID[k.ID] = loaded
		}
	}
	return byID, nil
}

func load(account string, k config.AccessKey) (*credential, error) {
	loaded := &credential{account: account, id: k.ID, inactive: k.Inactive, permissions: newPermissions(k.Allow)}
	var err error
	if loaded.secret, err = loadSecret(k.Secret, k.SecretFile); err != nil {
		return nil, err
	}
	if loaded.expires, err = k.Expiry(); err != nil {
		return nil, err
	}
	if k.IsTemporary() {
		loaded.token, err = loadSecret(k.SecurityToken, k.SecurityTokenFile)
	}
	return loaded, err
}

// loadSecret returns value, or the content of file, which nobody but its owner may have permission to read.
func loadSecret(value, file string) (kmsapi.Secret, error) {
	if file == "" {
		return secretOf(value, "secret or security_token")
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
	return secretOf(string(content), file)
}

// secretOf reads a secret, whose place an error names.
func secretOf(written, place string) (kmsapi.Secret, error) {
	secret, err := input.Word(written)
	switch {
	case err != nil:
		return kmsapi.Secret{}, fmt.Errorf("%s %w", place, err)
	case secret == "":
		return kmsapi.Secret{}, fmt.Errorf("%s is empty", place)
	default:
		return kmsapi.NewSecret(secret), nil
	}
}
