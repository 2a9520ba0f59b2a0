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

// Permissions are those of the configuration, so that a policy could not be enforced. Each CMK and each secret of a KMS
// instance has the default one, which gives its account every permission; any other is refused. What a caller has
// called the statement of the default policy is kept, since programs compare what they read with what they have
// written.

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

// What the real service calls the statement of a policy that nobody has set.
const (
	sidOfKeys    = "kms default key policy"
	sidOfSecrets = "kms default secret policy"
)

// maxSid is the length of a statement's name.
const maxSid = 512

// defaultPolicy is the policy of a CMK or a secret of account, with the name of its statement.
func defaultPolicy(account, sid string) string {
	encoded, err := json.Marshal(policyDocument{Version: "1", Statement: []policyStatement{{
		Sid: sid, Effect: "Allow",
		Principal: policyPrincipal{RAM: []string{"acs:ram::" + account + ":*"}},
		Action:    []string{"kms:*"}, Resource: []string{"*"},
	}}})
	if err != nil {
		panic(err) // It has strings only.
	}
	return string(encoded)
}

// storedPolicy returns a policy as it is stored: "" for the default one with this name of its statement. It refuses one
// that does not mean what the default policy of account does.
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

// sidOf returns the name of the only statement of a policy that means what the default one does.
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

// newPolicy returns the policy, as it is stored, of a CMK or a secret that is to be made in a KMS instance. It may be
// given none.
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

// hasPolicy refuses a name that is not that of the policy of what is in the KMS instance called instanceID, if any.
func hasPolicy(instanceID, name string) error {
	if instanceID == "" || name != kmsapi.DefaultPolicyName {
		return kmsapi.ErrResourceNotFound
	}
	return nil
}
