// Package openapi validates what Vault publishes about the engine in sys/internal/specs/openapi, which clients are
// generated from, with a validator that is neither Vault's nor ours.
package openapi
