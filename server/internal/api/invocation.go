package api

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Invocation is an authenticated request on its way to a handler. One goroutine uses it.
type Invocation struct {
	Operation kmsapi.Operation
	// Account and Region are what the request works in.
	Account, Region string
	// Gateway is the KMS instance whose dedicated gateway has received the request, and empty for the shared gateway.
	Gateway string
	// Now is the time of the whole request, so that its checks agree with each other.
	Now time.Time
	// Permissions are those of the caller.
	Permissions Permissions

	// KeyID is the CMK that the request works on, for the audit line. It is set by Authorize and Run, once they know it.
	KeyID string
	// InstanceID is the KMS instance of that CMK, or the one that the request is about. It is set like KeyID.
	InstanceID string
	// resource is what a refusal names: the CMK or alias, as the request names it.
	resource string
}

// Permissions are what a caller may do.
type Permissions interface {
	// Everything reports whether there is no restriction at all.
	Everything() bool
	// Allow reports whether op may be run on resource.
	Allow(op kmsapi.Operation, resource string) bool
	// AllowSomewhere reports whether op may be run on anything at all.
	AllowSomewhere(op kmsapi.Operation) bool
}

func (inv *Invocation) scope() keyring.Scope {
	return keyring.Scope{Account: inv.Account, Region: inv.Region}
}
