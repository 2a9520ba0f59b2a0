package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
)

// Account is an Alibaba Cloud account, which owns keys.
type Account struct {
	// ID is the account's number.
	ID         string      `hcl:"id,label"`
	AccessKeys []AccessKey `hcl:"access_key,block"`
}

// AccessKey is what a program signs its requests with.
type AccessKey struct {
	ID string `hcl:"id,label"`
	// Secret or SecretFile, not both. A file is better: it can be 0600 while this file is not.
	Secret     string `hcl:"secret,optional"`
	SecretFile string `hcl:"secret_file,optional"`
	// Inactive access keys are refused with Forbidden.AccessKey.
	Inactive bool `hcl:"inactive,optional"`
	// SecurityToken or SecurityTokenFile makes it a temporary access key, like those of Alibaba Cloud's STS: every request
	// must carry exactly this token.
	SecurityToken     string `hcl:"security_token,optional"`
	SecurityTokenFile string `hcl:"security_token_file,optional"`
	// Expires is when the security token expires, in RFC 3339; "" means never.
	Expires string `hcl:"expires,optional"`
	// Allow lists the permissions of the access key. Without any it has every permission in its account.
	Allow []Allow `hcl:"allow,block"`
}

// IsTemporary reports whether requests need a security token.
func (k AccessKey) IsTemporary() bool { return k.SecurityToken != "" || k.SecurityTokenFile != "" }

// Expiry is when the access key expires, and zero if it does not.
func (k AccessKey) Expiry() (time.Time, error) {
	if k.Expires == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, k.Expires)
}

func (c Config) validateAccounts() error {
	if len(c.Accounts) == 0 {
		return errors.New(`there is no account; add: account "1000000000000001" { access_key "…" { secret_file = "…" } }`)
	}
	accounts, keys := map[string]bool{}, map[string]bool{}
	for _, a := range c.Accounts {
		if a.ID == "" || strings.Trim(a.ID, "0123456789") != "" {
			return fmt.Errorf("account %q: an account's id is a number", a.ID)
		}
		if accounts[a.ID] {
			return fmt.Errorf("account %q is defined twice", a.ID)
		}
		accounts[a.ID] = true
		for _, k := range a.AccessKeys {
			if err := k.validate(); err != nil {
				return fmt.Errorf("account %q: access_key %q: %w", a.ID, k.ID, err)
			}
			if keys[k.ID] {
				return fmt.Errorf("access_key %q is defined twice", k.ID)
			}
			keys[k.ID] = true
		}
	}
	return nil
}

// isWord reports whether s is written as it would be read from a file.
func isWord(s string) bool {
	word, err := input.Word(s)
	return err == nil && word == s
}

func (k AccessKey) validate() error {
	switch {
	case k.ID == "":
		return errors.New("its id is empty")
	case !isWord(k.ID):
		return errors.New("its id has white space at an end, or a control character inside")
	case (k.Secret == "") == (k.SecretFile == ""):
		return errors.New("give secret_file or secret, one of them")
	case k.SecurityToken != "" && k.SecurityTokenFile != "":
		return errors.New("give security_token_file or security_token, not both")
	case k.Expires != "" && !k.IsTemporary():
		return errors.New("expires is for access keys with a security_token; use inactive = true to turn this one off")
	}
	if _, err := k.Expiry(); err != nil {
		return fmt.Errorf("expires %q is not a time such as \"2030-12-31T23:59:59Z\"", k.Expires)
	}
	for _, a := range k.Allow {
		if err := a.validate(); err != nil {
			return fmt.Errorf("allow: %w", err)
		}
	}
	return nil
}
