package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// Permissions come from the configuration, so policies are not enforced. Each CMK and each secret of a KMS instance has
// the default policy, which gives its account every permission; any other policy is refused. The name that a caller
// gives the statement of the default policy is kept, since programs compare the policy that they read with the one that
// they have written.

// policyDocument is a policy in its canonical form.
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

// The names that the real service gives the statement of a policy that no caller has set.
const (
	sidOfKeys    = "kms default key policy"
	sidOfSecrets = "kms default secret policy"
)

// maxSid is the length of the longest statement name, in bytes.
const maxSid = 512

// defaultPolicy returns the default policy of a CMK or a secret of account, with sid as the name of its statement.
func defaultPolicy(account, sid string) string {
	encoded, err := json.Marshal(policyDocument{Version: "1", Statement: []policyStatement{{
		Sid: sid, Effect: "Allow",
		Principal: policyPrincipal{RAM: []string{"acs:ram::" + account + ":*"}},
		Action:    []string{"kms:*"}, Resource: []string{"*"},
	}}})
	if err != nil {
		panic(err) // The document has only strings.
	}
	return string(encoded)
}

// storedPolicy returns a policy in its stored form: "" for the default policy whose statement is called sid. It refuses
// a policy that does not mean the same as the default policy of account.
func storedPolicy(account, policy, sid string) (string, error) {
	given, ok := meaning(policy)
	if !ok {
		return "", kmsapi.InvalidParameter("Policy", "It must be a policy in JSON.")
	}
	want, _ := meaning(defaultPolicy(account, sid))
	if !reflect.DeepEqual(given, want) {
		return "", kmsapi.ErrUnsupportedOperation
	}
	named := sidOf(policy)
	switch {
	case len(named) > maxSid:
		return "", kmsapi.InvalidParameter("Policy", fmt.Sprintf("Its Sid must have at most %d bytes.", maxSid))
	case named == sid:
		return "", nil
	default:
		return defaultPolicy(account, named), nil
	}
}

// sidOf returns the name of the only statement of a policy that means the same as the default policy.
func sidOf(policy string) (sid string) {
	var document struct{ Statement any }
	if json.Unmarshal([]byte(policy), &document) != nil {
		return ""
	}
	for _, item := range asList(document.Statement) {
		if statement, ok := item.(map[string]any); ok {
			sid, _ = statement["Sid"].(string)
		}
	}
	return sid
}

// newPolicy returns the policy of a new CMK or secret in its stored form. An empty policy is the default; any other is
// accepted only in a KMS instance.
func newPolicy(account, instanceID, policy, sid string) (string, error) {
	switch {
	case policy == "":
		return "", nil
	case instanceID == "":
		return "", kmsapi.InvalidParameter("Policy",
			"Only keys and secrets in a KMS instance have a policy. Give DKMSInstanceId too.")
	default:
		return storedPolicy(account, policy, sid)
	}
}

// meaning returns a policy without the details that make no difference: the names of statements, the order and
// repetition of list items, and whether a single item is in a list.
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

// asList returns value if it is a list, or a list with value as its only item.
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
	cmk, err := a.findForUse(ctx, inv, byIDOrAlias(r.KeyId))
	if err != nil {
		return nil, err
	}
	policy := cmp.Or(cmk.Policy, defaultPolicy(inv.Account, sidOfKeys))
	return &kmsapi.GetKeyPolicyResponse{Policy: policy}, hasPolicy(cmk.InstanceID, r.PolicyName)
}

// setKeyPolicy names the statement of the policy of a CMK in a KMS instance.
func (a *API) setKeyPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.SetKeyPolicyRequest,
) (*kmsapi.SetKeyPolicyResponse, error) {
	return &kmsapi.SetKeyPolicyResponse{}, a.update(ctx, inv, func(w keyring.Writer) error {
		cmk, err := byIDOrAlias(r.KeyId).forUse(w.Reader, inv)
		if err != nil {
			return err
		}
		if err := hasPolicy(cmk.InstanceID, r.PolicyName); err != nil {
			return err
		}
		if cmk.Policy, err = storedPolicy(inv.Account, r.Policy, sidOfKeys); err != nil {
			return err
		}
		return w.PutCMK(cmk)
	})
}

// getSecretPolicy returns the policy of a secret in a KMS instance. Other secrets have none.
func (a *API) getSecretPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.GetSecretPolicyRequest,
) (resp *kmsapi.GetSecretPolicyResponse, err error) {
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		secret, err := reader.Secret(r.SecretName)
		if err != nil {
			return err
		}
		resp = &kmsapi.GetSecretPolicyResponse{Policy: cmp.Or(secret.Policy, defaultPolicy(inv.Account, sidOfSecrets))}
		return hasPolicy(secret.InstanceID, r.PolicyName)
	})
}

// setSecretPolicy names the statement of the policy of a secret in a KMS instance.
func (a *API) setSecretPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.SetSecretPolicyRequest,
) (*kmsapi.SetSecretPolicyResponse, error) {
	return &kmsapi.SetSecretPolicyResponse{}, a.changeSecret(ctx, inv, r.SecretName,
		func(secret *keyring.Secret) (err error) {
			if err := cmp.Or(secret.InDeleteWindow(), hasPolicy(secret.InstanceID, r.PolicyName)); err != nil {
				return err
			}
			secret.Policy, err = storedPolicy(inv.Account, r.Policy, sidOfSecrets)
			return err
		})
}

// hasPolicy refuses a policy name that does not exist. Resources in a KMS instance have one policy, others have none.
func hasPolicy(instanceID, name string) error {
	if instanceID == "" || name != kmsapi.DefaultPolicyName {
		return kmsapi.ErrResourceNotFound
	}
	return nil
}
