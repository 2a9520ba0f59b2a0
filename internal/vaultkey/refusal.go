package vaultkey

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"
)

// Explain explains err, the error of a request for path: as a [Refusal] if Vault answered, and with the address where
// Vault was looked for if it did not.
func Explain(path string, err error) error {
	if refused, ok := errors.AsType[*api.ResponseError](err); ok {
		return &Refusal{Path: path, Err: refused}
	}
	failed, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	address, unreadable := url.Parse(failed.URL)
	if unreadable != nil {
		return err
	}
	return fmt.Errorf("no answer from Vault at %s://%s (VAULT_ADDR): %w",
		address.Scheme, address.Host, failed.Err)
}

// A Refusal is an answer of Vault that says no.
type Refusal struct {
	// Path is what was asked for.
	Path string
	// Err is the answer.
	Err *api.ResponseError
}

// Error returns Vault's message in one line: Vault itself lists errors with line breaks and tabs.
func (r *Refusal) Error() string {
	said := strings.Join(strings.Fields(strings.Join(r.Err.Errors, "; ")), " ")
	return fmt.Sprintf("Vault refused %s (HTTP %d): %s", r.Path, r.Err.StatusCode, said)
}

// Unwrap returns the answer.
func (r *Refusal) Unwrap() error { return r.Err }
