package api

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

const keyIDParam = "KeyId"

// arnPrefix begins every resource name, and no key id and no alias.
const arnPrefix = "acs:"

// arn is the resource name of a CMK ("key/" and its id), an alias (its name with prefix) or all of a kind.
func (inv *Invocation) arn(resource string) string {
	return arnPrefix + "kms:" + inv.Region + ":" + inv.Account + ":" + resource
}

func (inv *Invocation) keyARN(keyID string) string { return inv.arn("key/" + keyID) }

// WithLocalName returns params with the name that a resource name stands for, if KeyId is that of a CMK or an alias of
// the account and region. Any other resource name leads to nothing here, whoever asks: nothing is looked up.
func (inv *Invocation) WithLocalName(params kmsapi.Params) (kmsapi.Params, error) {
	at := slices.IndexFunc(params, func(p kmsapi.Param) bool { return p.Name == keyIDParam })
	if at < 0 || !strings.HasPrefix(params[at].Value, arnPrefix) || !inv.Operation.Takes(keyIDParam) {
		return params, nil
	}
	name, ok := inv.localName(params[at].Value)
	if !ok {
		return nil, kmsapi.ErrKeyNotFound
	}
	local := slices.Clone(params)
	local[at].Value = name
	return local, nil
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
