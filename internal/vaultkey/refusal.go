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

// Error gives what Vault has said, which may have several lines.
func (r *Refusal) Error() string {
	return fmt.Sprintf("Vault refused %s (HTTP %d): %s", r.Path, r.Err.StatusCode, strings.Join(r.Err.Errors, "; "))
}

// Unwrap returns the answer.
func (r *Refusal) Unwrap() error { return r.Err }
