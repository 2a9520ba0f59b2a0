package api

import (
	"regexp"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

const (
	keyIDParam     = "KeyId"
	protectedParam = "ProtectedResourceArn"
	resourceParam  = "ResourceId."
	secretParam    = "SecretName"
	secretKeyParam = "EncryptionKeyId"
)

// arnPrefix begins every resource name, but no key id and no alias.
const arnPrefix = "acs:"

// arn returns the resource name of a CMK ("key/" and its id), an alias (its name with prefix) or all resources of a
// kind.
func (inv *Invocation) arn(resource string) string {
	return arnPrefix + "kms:" + inv.Region + ":" + inv.Account + ":" + resource
}

func (inv *Invocation) keyARN(keyID string) string { return inv.arn("key/" + keyID) }

// WithLocalNames returns params in which resource names of the account and region are replaced by what they name: a
// CMK's id or an alias in parameters that name a CMK, and a secret's name in parameters that name a secret. Any other
// resource name is not found, for every caller and without a lookup.
//
// The resource name in ProtectedResourceArn becomes the KeyId.
func (inv *Invocation) WithLocalNames(params kmsapi.Params) (kmsapi.Params, error) {
	params, err := inv.withLocalKeys(params)
	if err == nil {
		params, err = inv.withLocalSecret(params)
	}
	if err != nil || params.Get(protectedParam) == "" || !inv.Operation.Takes(protectedParam) {
		return params, err
	}
	return inv.withProtectedKey(params)
}

func (inv *Invocation) withLocalKeys(params kmsapi.Params) (kmsapi.Params, error) {
	isARN := func(p kmsapi.Param) bool { return strings.HasPrefix(p.Value, arnPrefix) && inv.namesKey(p.Name) }
	if !slices.ContainsFunc(params, isARN) {
		return params, nil
	}
	local := slices.Clone(params)
	for at := range local {
		if !isARN(local[at]) {
			continue
		}
		name, ok := inv.localName(local[at].Value)
		if !ok {
			return nil, kmsapi.ErrKeyNotFound
		}
		local[at].Value = name
	}
	return local, nil
}

// namesKey reports whether the operation takes a parameter called param, which names a CMK.
func (inv *Invocation) namesKey(param string) bool {
	if names := inv.Operation.KeyParameters(); names != nil {
		return slices.Contains(names, param)
	}
	return (param == keyIDParam || param == secretKeyParam) && inv.Operation.Takes(param)
}

func (inv *Invocation) localName(arn string) (name string, ok bool) {
	resource, ok := strings.CutPrefix(arn, inv.arn(""))
	if !ok {
		return "", false
	}
	if keyID, ok := strings.CutPrefix(resource, "key/"); ok {
		return keyID, crypt.IsKeyID(keyID)
	}
	return resource, isAlias(resource)
}

// keyARNForm matches the resource name of a CMK, in any account and region.
var keyARNForm = regexp.MustCompile(`^acs:kms:[a-z0-9-]+:[0-9]+:key/[A-Za-z0-9-]+$`)

func (inv *Invocation) withProtectedKey(params kmsapi.Params) (kmsapi.Params, error) {
	arn, keyID := params.Get(protectedParam), params.Get(keyIDParam)
	if arn == "" {
		return params, nil
	}
	if !keyARNForm.MatchString(arn) {
		return nil, kmsapi.InvalidParameter(protectedParam, "It must be the resource name of a key.")
	}
	protected, ok := strings.CutPrefix(arn, inv.keyARN(""))
	switch {
	case !ok:
		return nil, kmsapi.ErrKeyNotFound
	case keyID == "":
		// The first value of a parameter counts, so it is inserted before an empty KeyId.
		return slices.Insert(slices.Clone(params), 0, kmsapi.Param{Name: keyIDParam, Value: protected}), nil
	case keyID != protected:
		return nil, kmsapi.InvalidParameter(protectedParam, "It must be the resource name of the key in KeyId.")
	}
	return params, nil
}
