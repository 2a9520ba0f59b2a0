package server

import (
	"fmt"
	"regexp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Permissions are checked twice. First on what the request itself names, before anything is read: [invocation.authorize].
// Then, where the CMK is found by something else (an alias, a ciphertext, an import token), on that CMK, in the transaction
// that finds it and before the CMK is used: [invocation.permitKey], which every way to a CMK goes through.
//
// A caller without permission must not learn what exists. So a refusal depends on the request and the configuration alone: it
// names the resource as the request does, and a missing resource is refused like a forbidden one, unless the caller may use
// every CMK: [invocation.notFound].

// containers are the resources of the operations that work on no particular CMK or alias.
var containers = map[kmsapi.Operation]string{
	kmsapi.OpCreateKey:   "key",
	kmsapi.OpListKeys:    "key",
	kmsapi.OpListAliases: "alias",
}

// anyKey is the resource of a CMK that the request does not name by its id. Only patterns that cover all CMKs match it.
const anyKey = "key/*"

// aliasForm keeps everything but aliases out of refusals.
var aliasForm = regexp.MustCompile(`^alias/[A-Za-z0-9_/-]{1,255}$`)

// authorize checks the permission on what the request names. DescribeRegions needs none.
func (inv *invocation) authorize(params kmsapi.Params) error {
	if inv.operation == kmsapi.OpDescribeRegions || inv.permissions.everything {
		return nil
	}
	if container, ok := containers[inv.operation]; ok {
		return inv.permit(arn(inv.scope, container))
	}
	keyID, alias := params.Get("KeyId"), params.Get("AliasName")
	inv.resource = arn(inv.scope, anyKey)
	for _, name := range []string{alias, keyID} {
		switch {
		case keyring.IsID(name):
			inv.resource = keyARN(inv.scope, name)
		case aliasForm.MatchString(name):
			inv.resource = arn(inv.scope, name)
		}
	}
	if !inv.permissions.allowSomewhere(ramAction(inv.operation)) {
		return inv.forbidden(inv.resource)
	}
	if aliasForm.MatchString(alias) {
		if err := inv.permit(arn(inv.scope, alias)); err != nil {
			return err
		}
	}
	if keyring.IsID(keyID) {
		return inv.permit(keyARN(inv.scope, keyID))
	}
	return nil
}

// permitKey checks the permission on the CMK called id.
func (inv *invocation) permitKey(id string) error {
	if inv.permissions.everything || inv.permissions.allow(ramAction(inv.operation), keyARN(inv.scope, id)) {
		return nil
	}
	inv.keyID = id // The audit line may say what the caller must not learn.
	return inv.forbidden(inv.resource)
}

// notFound is the answer when the alias or the like in a request leads to no CMK: err for a caller that may use every CMK,
// and for any other the same as for a forbidden CMK.
func (inv *invocation) notFound(err error) error {
	if inv.permissions.allow(ramAction(inv.operation), arn(inv.scope, anyKey)) {
		return err
	}
	return inv.forbidden(inv.resource)
}

func (inv *invocation) permit(resource string) error {
	if inv.permissions.allow(ramAction(inv.operation), resource) {
		return nil
	}
	return inv.forbidden(resource)
}

// forbidden is the refusal in the words of the real service. resource comes from the request, never from the store.
func (inv *invocation) forbidden(resource string) error {
	return kmsapi.ErrNoPermission.WithMessage(fmt.Sprintf(
		"This operation for %s is forbidden by permission system. It needs the permission %s.", resource, ramAction(inv.operation)))
}
