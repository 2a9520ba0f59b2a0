package gate

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// Credentials are the access keys that a gate accepts, by their ids.
type Credentials map[string]*credential

// credential is an access key with its account and its permissions.
type credential struct {
	account  string
	id       string
	secret   kmsapi.Secret
	inactive bool
	// token is empty for an access key that is not temporary, and expires is zero for one that never expires.
	token       kmsapi.Secret
	expires     time.Time
	permissions *permissions
}

// LoadCredentials reads the secrets of all access keys. Each error is a [config.Fault].
func LoadCredentials(c config.Config) (Credentials, error) {
	byID := Credentials{}
	var faults []error
	for n, a := range c.Accounts {
		inAccount := c.Place().Block("account", n, a.ID)
		for n, k := range a.AccessKeys {
			loaded, err := load(a.ID, k, inAccount.Block("access_key", n, k.ID))
			faults = append(faults, err)
			byID[k.ID] = loaded
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return byID, nil
}

func load(account string, k config.AccessKey, at config.Place) (*credential, error) {
	loaded := &credential{account: account, id: k.ID, inactive: k.Inactive, permissions: newPermissions(k.Allow)}
	var err error
	if loaded.secret, err = LoadSecret(at, "secret", k.Secret, k.SecretFile); err != nil {
		return nil, err
	}
	if loaded.expires, err = k.Expiry(); err != nil {
		return nil, at.Field("expires").Fault(err)
	}
	if k.IsTemporary() {
		loaded.token, err = LoadSecret(at, "security_token", k.SecurityToken, k.SecurityTokenFile)
	}
	return loaded, err
}

// maxSecretFile is more than the file of a secret or a token can have, in bytes.
const maxSecretFile = 64 << 10

// LoadSecret returns value, from the field called name, or the content of file. The error is a fault of the field that
// was given.
func LoadSecret(at config.Place, name, value, file string) (kmsapi.Secret, error) {
	if file == "" {
		secret, err := secretOf(value, "it")
		return secret, at.Field(name).Fault(err)
	}
	at = at.Field(name + "_file")
	content, err := private.Read(file, private.OwnerOnly, maxSecretFile)
	if err != nil && mayBeSecret(file, err) {
		err = fmt.Errorf("there is no such file; its name is not shown, since it looks like what belongs in %s", name)
	}
	if err != nil {
		return kmsapi.Secret{}, at.Fault(err)
	}
	secret, err := secretOf(string(content), file)
	return secret, at.Fault(err)
}

// secretForm is the form of Alibaba Cloud's secrets and tokens, and of those that init makes.
var secretForm = regexp.MustCompile(`^[A-Za-z0-9+=]{16,}$`)

// mayBeSecret reports whether the path of a file that could not be read may end in a secret, put by mistake into the
// field for the file's name.
func mayBeSecret(path string, err error) bool {
	name := filepath.Base(path)
	return errors.Is(err, syscall.ENAMETOOLONG) ||
		errors.Is(err, fs.ErrNotExist) && secretForm.MatchString(name) && strings.ContainsAny(name, "0123456789")
}

// secretOf reads a secret. Errors name its place.
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
