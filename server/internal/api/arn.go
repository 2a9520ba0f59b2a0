package api

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// arn is the resource name of a CMK ("key/" and its id), an alias (its name with prefix) or all of a kind.
func (inv *Invocation) arn(resource string) string {
	return "acs:kms:" + inv.Region + ":" + inv.Account + ":" + resource
}

func (inv *Invocation) keyARN(keyID string) string { return inv.arn("key/" + keyID) }

// WithLocalName returns params with the name that a resource name stands for, if KeyId is that of a CMK or an alias of
// the account and region. Any other resource name stays: it leads to nothing here.
func (inv *Invocation) WithLocalName(params kmsapi.Params) kmsapi.Params {
	at := slices.IndexFunc(params, func(p kmsapi.Param) bool { return p.Name == "KeyId" })
	if at < 0 {
		return params
	}
	resource, ok := strings.CutPrefix(params[at].Value, inv.arn(""))
	if !ok {
		return params
	}
	if keyID, ok := strings.CutPrefix(resource, "key/"); ok && crypt.IsKeyID(keyID) {
		resource = keyID
	} else if !isAlias(resource) {
		return params
	}
	local := slices.Clone(params)
	local[at].Value = resource
	return local
}
