package server

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Permission is asked for twice. First for what the request itself names, before anything is read: [call.authorize]. Then,
// where the CMK is found by something else (an alias, a ciphertext, an import token), for that CMK, in the transaction that
// finds it and before anything of it is looked at: [call.permitKey], which every way to a CMK goes through.
//
// Who is not allowed must not learn what there is. So a refusal depends on the request and the configuration alone: it names
// the resource as the request does, and what is not there is refused like what is forbidden, unless the caller may use
// every CMK: [call.absent].

// anyKey stands for a CMK that the request does not name by its id. Only patterns that cover all CMKs match it.
const anyKey = string(kmsapi.NamedKey)

// aliasForm keeps what is not an alias out of refusals.
var aliasForm = regexp.MustCompile(`^alias/[A-Za-z0-9_/-]{1,255}$`)

// authorize checks what the request names by itself.
func (c *call) authorize(params kmsapi.Params) error {
	resource := c.operation.Resource()
	if resource == kmsapi.NoResource || c.permissions.everything {
		return nil
	}
	if resource != kmsapi.NamedKey {
		return c.permit(arn(c, string(resource)))
	}
	keyID, alias := params.Get("KeyId"), params.Get("AliasName")
	c.resource = arn(c, anyKey)
	for _, name := range []string{alias, keyID} {
		switch {
		case isID(name):
			c.resource = keyARN(c, name)
		case aliasForm.MatchString(name):
			c.resource = aliasARN(c, name)
		}
	}
	if !c.permissions.allowSomewhere(c.operation) {
		return c.forbidden(c.resource)
	}
	if aliasForm.MatchString(alias) {
		if err := c.permit(aliasARN(c, alias)); err != nil {
			return err
		}
	}
	if isID(keyID) {
		return c.permit(keyARN(c, keyID))
	}
	return nil
}

// permitKey checks that the request may be about the CMK called id.
func (c *call) permitKey(id string) error {
	if c.permissions.everything || c.permissions.allow(c.operation, keyARN(c, id)) {
		return nil
	}
	c.keyID = id // The audit line may tell what the caller must not know.
	return c.forbidden(c.resource)
}

// absent is the answer to a request for a CMK that can't be found by the alias or the like that it gives: notFound for a
// caller who may use every CMK, and to any other the same as for a CMK that is forbidden.
func (c *call) absent(notFound error) error {
	if c.permissions.allow(c.operation, arn(c, anyKey)) {
		return notFound
	}
	return c.forbidden(c.resource)
}

func (c *call) permit(resource string) error {
	if c.permissions.allow(c.operation, resource) {
		return nil
	}
	return c.forbidden(resource)
}

// forbidden is the refusal in the words of the real service. resource comes from the request, never from the store.
func (c *call) forbidden(resource string) error {
	return kmsapi.ErrNoPermission.WithMessage(fmt.Sprintf(
		"This operation for %s is forbidden by permission system. It needs the permission %s.", resource, strings.Join(c.operation.Actions(), ", ")))
}
