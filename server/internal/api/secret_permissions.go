package api

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// A request always names its secrets, so the permission on them is checked before anything is read. The permission on
// the CMK of a secret is checked once the secret is found: see [API.secretKey].

// secretARN returns the resource name of the secret called name, or of any secret if name does not have the form of a
// name.
func (inv *Invocation) secretARN(name string) string {
	if !kmsapi.IsSecretName(name) {
		return inv.arn(string(kmsapi.NamedSecret))
	}
	return inv.arn("secret/" + name)
}

// authorizeSecrets checks the permission to make or list secrets, and the permission on the CMK of a new one.
func (inv *Invocation) authorizeSecrets(params kmsapi.Params) error {
	if err := inv.permit(inv.arn(string(kmsapi.AllSecrets))); err != nil {
		return err
	}
	keyID := params.Get(secretKeyParam)
	if keyID == "" || !inv.Operation.Takes(secretKeyParam) {
		return nil
	}
	return inv.onKey(inv.named(keyID)).authorizeNamed("", keyID)
}

func (inv *Invocation) permitSecrets(names []string) error {
	for _, name := range names {
		if err := inv.permit(inv.secretARN(name)); err != nil {
			return err
		}
	}
	return nil
}

// permitEverySecret is permitEveryKey for secrets.
func (inv *Invocation) permitEverySecret() error {
	return inv.permit(inv.arn(string(kmsapi.NamedSecret)))
}

// taggedSecrets returns the secrets that a request about tags names.
func (inv *Invocation) taggedSecrets(params kmsapi.Params) (names []string) {
	if name := params.Get(secretParam); name != "" && inv.Operation.Takes(secretParam) {
		names = append(names, name)
	}
	if params.Get("ResourceType") != kmsapi.ResourceTypeSecret || !inv.Operation.Takes("ResourceType") {
		return names
	}
	for i := range params {
		if strings.HasPrefix(params[i].Name, resourceParam) {
			names = append(names, params[i].Value)
		}
	}
	return names
}

// onKey returns the part of inv that is about the CMK that encrypts a secret. Its refusals name resource.
func (inv *Invocation) onKey(resource string) *Invocation {
	part := *inv
	part.part, part.resource = []string{inv.Operation.KeyAction()}, resource
	return &part
}

// withLocalSecret returns params in which the resource name of a secret is replaced by its name. A new secret can be
// given only by name.
func (inv *Invocation) withLocalSecret(params kmsapi.Params) (kmsapi.Params, error) {
	at := slices.IndexFunc(params, func(p kmsapi.Param) bool {
		return p.Name == secretParam && strings.HasPrefix(p.Value, arnPrefix)
	})
	if at < 0 || !inv.Operation.Takes(secretParam) || inv.Operation.Resource() == kmsapi.AllSecrets {
		return params, nil
	}
	name, ok := strings.CutPrefix(params[at].Value, inv.arn("secret/"))
	if !ok || !kmsapi.IsSecretName(name) {
		return nil, kmsapi.ErrResourceNotFound
	}
	local := slices.Clone(params)
	local[at].Value = name
	return local, nil
}

// secretKey finds the CMK that encrypts a secret, with the version called versionID, or the primary one if versionID is
// empty. The caller must have permission on the CMK, and its state must allow the operation. Refusals name resource.
func (a *API) secretKey(
	r keyring.Reader, inv *Invocation, keyID, versionID, resource string,
) (key keyring.ValueKey, cmk *keyring.CMK, err error) {
	part := inv.onKey(resource)
	defer func() { inv.KeyID = part.KeyID }()
	if cmk, err = byIDOrAlias(keyID).forUse(r, part); err != nil {
		return key, nil, err
	}
	if cmk.Default {
		return key, nil, kmsapi.ErrUnsupportedOperation // It is for Alibaba Cloud's own services.
	}
	if err := a.checkServed(cmk.KeySpec); err != nil {
		return key, nil, err
	}
	key = keyring.ValueKey{CMK: cmk, Version: cmk.Primary}
	if versionID != "" {
		key.Version, err = r.Version(cmk, versionID)
	}
	return key, cmk, err
}

// valueKey is secretKey for an existing secret. If the secret has no CMK, the root key seals its values.
func (a *API) valueKey(
	r keyring.Reader, inv *Invocation, secret *keyring.Secret, versionID string,
) (key keyring.ValueKey, err error) {
	if secret.KeyID == "" {
		return key, nil
	}
	key, _, err = a.secretKey(r, inv, secret.KeyID, versionID, inv.secretARN(secret.Name))
	return key, err
}
