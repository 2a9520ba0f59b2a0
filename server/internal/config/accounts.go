package config

import (
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

// AccessKey is a key that a program signs its requests with.
type AccessKey struct {
	ID string `hcl:"id,label"`
	// Secret or SecretFile is set, not both. A file is better: it can have mode 0600 even if the configuration file
	// does not.
	Secret     string `hcl:"secret,optional"`
	SecretFile string `hcl:"secret_file,optional"`
	// Inactive access keys are refused with Forbidden.AccessKey.
	Inactive bool `hcl:"inactive,optional"`
	// SecurityToken or SecurityTokenFile makes it a temporary access key, like those of Alibaba Cloud's STS: every
	// request must carry exactly this token.
	SecurityToken     string `hcl:"security_token,optional"`
	SecurityTokenFile string `hcl:"security_token_file,optional"`
	// Expires is when the security token expires, in RFC 3339; "" means never.
	Expires string `hcl:"expires,optional"`
	// Allow lists the permissions of the access key. Without any it has every permission in its account.
	Allow []Allow `hcl:"allow,block"`
}

// IsTemporary reports whether requests need a security token.
func (k AccessKey) IsTemporary() bool { return k.SecurityToken != "" || k.SecurityTokenFile != "" }

// Expiry returns when the access key expires, or zero if it does not.
func (k AccessKey) Expiry() (time.Time, error) {
	if k.Expires == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, k.Expires)
}

func (c Config) validateAccounts(at Place, found *faults) {
	if len(c.Accounts) == 0 {
		found.add(at, `there is no account; add: account "1000000000000001" { access_key "…" { secret_file = "…" } }`)
	}
	accounts, keys := firsts{}, firsts{}
	for n, a := range c.Accounts {
		inAccount := at.Block("account", n, a.ID)
		if a.ID == "" || strings.Trim(a.ID, "0123456789") != "" {
			found.add(inAccount, "an account's id is a number, such as \"1000000000000001\"")
		}
		accounts.add(a.ID, inAccount, found)
		for n, k := range a.AccessKeys {
			inKey := inAccount.Block("access_key", n, k.ID)
			keys.add(k.ID, inKey, found)
			k.validate(inKey, found)
		}
	}
}

// firsts are the places where names of one kind were first defined.
type firsts map[string]Place

// add records that name is defined at a place, which is a fault if it was already defined.
func (f firsts) add(name string, at Place, found *faults) {
	first, twice := f[name]
	switch {
	case !twice:
		f[name] = at
	case first.line > 0:
		found.add(at, "it is defined twice, first in line %d", first.line)
	default:
		found.add(at, "it is defined twice")
	}
}

// isWord reports whether s would be read unchanged from a file.
func isWord(s string) bool {
	word, err := input.Word(s)
	return err == nil && word == s
}

func (k AccessKey) validate(at Place, found *faults) {
	switch {
	case k.ID == "":
		found.add(at, "its id is empty")
	case !isWord(k.ID):
		found.add(at, "its id has white space at an end, or a control character inside")
	}
	switch {
	case k.Secret == "" && k.SecretFile == "":
		found.add(at, "it has no secret; give secret_file, or secret")
	case k.Secret != "" && k.SecretFile != "":
		found.add(at.Field("secret"), "give secret_file or secret, not both")
	}
	if k.SecurityToken != "" && k.SecurityTokenFile != "" {
		found.add(at.Field("security_token"), "give security_token_file or security_token, not both")
	}
	if _, err := k.Expiry(); err != nil {
		found.add(at.Field("expires"), "%q is not a time such as \"2030-12-31T23:59:59Z\"", k.Expires)
	}
	if k.Expires != "" && !k.IsTemporary() {
		found.add(at.Field("expires"),
			"it is for access keys with a security_token; use inactive = true to turn this one off")
	}
	for n, a := range k.Allow {
		a.validate(at.Block("allow", n, ""), found)
	}
}
