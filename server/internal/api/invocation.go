package api

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Invocation is an authenticated request on its way to a handler. Only one goroutine uses it.
type Invocation struct {
	Operation kmsapi.Operation
	// Account and Region are the scope that the request works in.
	Account, Region string
	// Gateway is the KMS instance whose dedicated gateway has received the request, or empty for the shared gateway.
	Gateway string
	// Now is the time of the whole request, so that its checks agree with each other.
	Now time.Time
	// Permissions are the caller's permissions.
	Permissions Permissions

	// KeyID is the CMK that the request works on, for the audit line. It is set by Authorize and Run, once they know
	// it.
	KeyID string
	// DestinationKeyID is the CMK that ReEncrypt encrypts with, after KeyID has decrypted. It is set like KeyID.
	DestinationKeyID string
	// InstanceID is the KMS instance of the CMK KeyID, or the instance that the request is about, and
	// DestinationInstanceID the instance of the CMK DestinationKeyID. They are set like KeyID.
	InstanceID, DestinationInstanceID string
	// resource is what a refusal names: the CMK or alias, as the request names it.
	resource string
	// part is the only RAM action that is checked, if this is a part of an invocation about several CMKs.
	part []string
}

// Permissions are what a caller may do.
type Permissions interface {
	// Everything reports whether there is no restriction at all.
	Everything() bool
	// Allow reports whether each of the RAM actions is allowed on resource.
	Allow(actions []string, resource string) bool
	// AllowSomewhere reports whether each of actions is allowed on anything at all.
	AllowSomewhere(actions []string) bool
}

func (inv *Invocation) scope() keyring.Scope {
	return keyring.Scope{Account: inv.Account, Region: inv.Region}
}
