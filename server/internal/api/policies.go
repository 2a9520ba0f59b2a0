package api

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A key policy is not stored: each CMK of a KMS instance has the default one, which gives its account every permission,
// and permissions are those of the configuration. Any other policy would not be enforced, so it is refused.

// policyDocument is a key policy in its canonical form.
type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal policyPrincipal
	Action    []string
	Resource  []string
}

type policyPrincipal struct{ RAM []string }

// defaultPolicy is the key policy of the real service for a CMK of account that was made without one.
func defaultPolicy(account string) string {
	encoded, err := json.Marshal(policyDocument{Version: "1", Statement: []policyStatement{{
		Sid: "kms default key policy", Effect: "Allow",
		Principal: policyPrincipal{RAM: []string{"acs:ram::" + account + ":*"}},
		Action:    []string{"kms:*"}, Resource: []string{"*"},
	}}})
	if err != nil {
		panic(err) // It has strings only.
	}
	return string(encoded)
}

// checkPolicy refuses a key policy that does not mean what the default policy of account does.
func checkPolicy(account, policy string) error {
	given, ok := meaning(policy)
	if !ok {
		return kmsapi.InvalidParameter("Policy", "It must be a key policy in JSON.")
	}
	want, _ := meaning(defaultPolicy(account))
	if !reflect.DeepEqual(given, want) {
		return kmsapi.ErrUnsupportedOperation
	}
	return nil
}

// checkNewPolicy checks the policy of a CMK that is to be made.
func checkNewPolicy(inv *Invocation, r *kmsapi.CreateKeyRequest) error {
	if r.DKMSInstanceId == "" {
		return kmsapi.InvalidParameter("Policy", "Only a key in a KMS instance has a policy. Give DKMSInstanceId too.")
	}
	return checkPolicy(inv.Account, r.Policy)
}

// meaning returns a policy without what makes no difference: the names of statements, the order and the repetition of
// list items, and whether one item is in a list.
func meaning(policy string) (document map[string]any, ok bool) {
	if err := json.Unmarshal([]byte(policy), &document); err != nil || document == nil {
		return nil, false
	}
	statements := asList(document["Statement"])
	for _, item := range statements {
		statement, ok := item.(map[string]any)
		if !ok {
			return nil, false
		}
		delete(statement, "Sid")
		for _, name := range []string{"Action", "Resource"} {
			statement[name] = asSet(statement[name])
		}
		if principal, ok := statement["Principal"].(map[string]any); ok {
			principal["RAM"] = asSet(principal["RAM"])
		}
	}
	document["Statement"] = statements
	return document, true
}

// asList returns the items of a list, or the list of one item.
func asList(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// asSet is asList without order and repetition, if all items are strings.
func asSet(value any) any {
	var set []string
	for _, item := range asList(value) {
		text, ok := item.(string)
		if !ok {
			return value
		}
		set = append(set, text)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// getKeyPolicy returns the policy of a CMK in a KMS instance. Other CMKs have none.
func (a *API) getKeyPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.GetKeyPolicyRequest,
) (*kmsapi.GetKeyPolicyResponse, error) {
	if err := a.findWithPolicy(ctx, inv, r.KeyId, r.PolicyName); err != nil {
		return nil, err
	}
	return &kmsapi.GetKeyPolicyResponse{Policy: defaultPolicy(inv.Account)}, nil
}

// setKeyPolicy accepts the policy that a CMK in a KMS instance has.
func (a *API) setKeyPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.SetKeyPolicyRequest,
) (*kmsapi.SetKeyPolicyResponse, error) {
	if err := a.findWithPolicy(ctx, inv, r.KeyId, r.PolicyName); err != nil {
		return nil, err
	}
	return &kmsapi.SetKeyPolicyResponse{}, checkPolicy(inv.Account, r.Policy)
}

// findWithPolicy looks for a CMK that has a policy called name.
func (a *API) findWithPolicy(ctx context.Context, inv *Invocation, keyID, name string) error {
	cmk, err := a.findForUse(ctx, inv, byIDOrAlias(keyID))
	if err != nil {
		return err
	}
	if cmk.InstanceID == "" || name != kmsapi.DefaultPolicyName {
		return kmsapi.ErrResourceNotFound
	}
	return nil
}
