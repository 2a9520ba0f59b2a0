package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// Permissions are checked twice. First on what the request itself names, before anything is read:
// [Invocation.Authorize]. Then, where the CMK is found by something else (an alias, a ciphertext, an import token), on
// that CMK, in the transaction that finds it and before the CMK is used: [Invocation.permitKey], which every lookup of
// a CMK calls.
//
// A caller without permission must not learn what exists. So a refusal depends only on the request and the
// configuration: it names the resource as the request does, and a missing resource is refused like a forbidden one,
// unless the caller may use every CMK: [Invocation.notFound].

// anyKey is the resource of a CMK that the request does not name by its id. Only patterns that cover all CMKs match it.
const anyKey = string(kmsapi.NamedKey)

// aliasForm keeps strings that are not aliases out of refusals.
var aliasForm = regexp.MustCompile(`^alias/[A-Za-z0-9_/-]{1,255}$`)

// instanceIDForm keeps strings that are not ids of KMS instances out of refusals.
var instanceIDForm = regexp.MustCompile(`^kst-[a-z0-9-]{1,100}$`)

// instanceARN returns the resource name of the KMS instance called id, or of any instance if id does not have the form
// of an id.
func (inv *Invocation) instanceARN(id string) string {
	if !instanceIDForm.MatchString(id) {
		return inv.arn(string(kmsapi.NamedInstance))
	}
	return inv.arn("keystore/" + id)
}

// Authorize checks the permission on what the request names.
func (inv *Invocation) Authorize(params kmsapi.Params) error {
	resource := inv.Operation.Resource()
	if resource == kmsapi.NoResource || inv.Permissions.Everything() {
		return nil
	}
	switch resource {
	case kmsapi.NamedKey:
	case kmsapi.NamedInstance:
		return inv.permit(inv.instanceARN(params.Get("KmsInstanceId")))
	case kmsapi.NamedSecret:
		return inv.permit(inv.secretARN(params.Get(secretParam)))
	case kmsapi.AllSecrets:
		return inv.authorizeSecrets(params)
	default:
		return inv.permit(inv.arn(string(resource)))
	}
	if names := inv.taggedSecrets(params); len(names) > 0 {
		return inv.permitSecrets(names)
	}
	if names := inv.Operation.KeyParameters(); names != nil {
		return inv.authorizeParts(names, params)
	}
	return inv.authorizeNamed(params.Get("AliasName"), namedKeys(params)...)
}

// authorizeNamed checks the permission on the alias and the CMKs that a request names. All may be empty.
func (inv *Invocation) authorizeNamed(alias string, keyIDs ...string) error {
	inv.resource = inv.named(append([]string{alias}, keyIDs...)...)
	if !inv.Permissions.AllowSomewhere(inv.actions()) {
		return inv.forbidden(inv.resource)
	}
	if aliasForm.MatchString(alias) {
		if err := inv.permit(inv.arn(alias)); err != nil {
			return err
		}
	}
	for _, keyID := range keyIDs {
		if !crypt.IsKeyID(keyID) {
			continue
		}
		if err := inv.permit(inv.keyARN(keyID)); err != nil {
			return err
		}
	}
	return nil
}

// authorizeParts checks, for each of several CMKs, the permission that the operation needs on it.
func (inv *Invocation) authorizeParts(names []string, params kmsapi.Params) error {
	for n, name := range names {
		keyID := params.Get(name)
		if err := inv.about(n, keyID).authorizeNamed("", keyID); err != nil {
			return err
		}
	}
	return nil
}

// about returns the part of inv that is about one of several CMKs, the one at n in [kmsapi.Operation.KeyParameters]: it
// needs only that CMK's action, and its refusals name the CMK as the request does.
func (inv *Invocation) about(n int, keyID string) *Invocation {
	part := *inv
	part.part, part.resource = inv.Operation.Actions()[n:n+1], inv.named(keyID)
	return &part
}

// actions returns the RAM actions that inv needs.
func (inv *Invocation) actions() []string {
	if inv.part != nil {
		return inv.part
	}
	return inv.Operation.Actions()
}

// named returns the resource name of the last of names that is a CMK's id or an alias, or of any CMK if there is none.
func (inv *Invocation) named(names ...string) string {
	for _, name := range slices.Backward(names) {
		switch {
		case crypt.IsKeyID(name):
			return inv.keyARN(name)
		case aliasForm.MatchString(name):
			return inv.arn(name)
		}
	}
	return inv.arn(anyKey)
}

// namedKeys returns the values of the parameters that name keys: KeyId, and the items of ResourceId.
func namedKeys(params kmsapi.Params) (names []string) {
	for i := range params {
		if params[i].Name == keyIDParam || strings.HasPrefix(params[i].Name, resourceParam) {
			names = append(names, params[i].Value)
		}
	}
	return names
}

// permitKey checks the permission on the CMK called id.
func (inv *Invocation) permitKey(id string) error {
	if inv.Permissions.Everything() || inv.Permissions.Allow(inv.actions(), inv.keyARN(id)) {
		return nil
	}
	inv.KeyID = id // The audit line may name the CMK; the caller must not learn it.
	return inv.forbidden(inv.resource)
}

// permitEveryKey checks the permission on all CMKs, for a request that names none but is about their contents.
func (inv *Invocation) permitEveryKey() error { return inv.permit(inv.arn(anyKey)) }

// notFound returns the answer to a request whose alias, ciphertext or token leads to no CMK: err for a caller that may
// use every CMK, and for any other caller the same answer as for a forbidden CMK.
func (inv *Invocation) notFound(err error) error {
	if inv.Permissions.Allow(inv.actions(), inv.arn(anyKey)) {
		return err
	}
	return inv.forbidden(inv.resource)
}

func (inv *Invocation) permit(resource string) error {
	if inv.Permissions.Allow(inv.actions(), resource) {
		return nil
	}
	return inv.forbidden(resource)
}

// forbidden returns a refusal in the words of the real service. resource comes from the request, never from the store.
func (inv *Invocation) forbidden(resource string) error {
	return kmsapi.ErrNoPermission.WithMessage(fmt.Sprintf(
		"This operation for %s is forbidden by permission system. It needs the permission %s.",
		resource, strings.Join(inv.actions(), ", ")))
}
