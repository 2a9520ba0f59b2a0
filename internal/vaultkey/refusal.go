package vaultkey

import (
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"
)

// A Refusal is an answer of Vault that says no.
type Refusal struct {
	// Path is what was asked for.
	Path string
	// Err is the answer.
	Err *api.ResponseError
}

// Error gives what Vault has said, in one line: Vault itself lists errors with line breaks and tabs.
func (r *Refusal) Error() string {
	said := strings.Join(strings.Fields(strings.Join(r.Err.Errors, "; ")), " ")
	return fmt.Sprintf("Vault refused %s (HTTP %d): %s", r.Path, r.Err.StatusCode, said)
}

// Unwrap returns the answer.
func (r *Refusal) Unwrap() error { return r.Err }
