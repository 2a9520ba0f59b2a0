package kmsapi

// DefaultPolicyName is the name of the only policy that a key or a secret can have, and what an empty PolicyName means.
const DefaultPolicyName = "default"

// MaxPolicy is the greatest length of a policy, in bytes.
const MaxPolicy = 32768

var (
	policyName = Rule{Name: "PolicyName", Default: DefaultPolicyName}
	newPolicy  = Rule{Name: "Policy", Max: MaxPolicy}
)

// OpGetKeyPolicy is GetKeyPolicy.
const OpGetKeyPolicy Operation = "GetKeyPolicy"

// GetKeyPolicyRequest asks for the policy of a key. Only keys of a KMS instance have one.
type GetKeyPolicyRequest struct {
	answers[GetKeyPolicyResponse]
	// KeyId is the key's id or an alias.
	KeyId string
	// PolicyName is [DefaultPolicyName].
	PolicyName string
}

// Operation returns [OpGetKeyPolicy].
func (*GetKeyPolicyRequest) Operation() Operation { return OpGetKeyPolicy }

func (r *GetKeyPolicyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(policyName, &r.PolicyName)
}

// GetKeyPolicyResponse holds a key policy.
type GetKeyPolicyResponse struct {
	Reply
	// Policy is JSON.
	Policy string
}

// OpSetKeyPolicy is SetKeyPolicy.
const OpSetKeyPolicy Operation = "SetKeyPolicy"

// SetKeyPolicyRequest replaces the policy of a key in a KMS instance.
type SetKeyPolicyRequest struct {
	answers[SetKeyPolicyResponse]
	// KeyId is the key's id or an alias.
	KeyId string
	// Policy is JSON of up to [MaxPolicy] bytes.
	Policy string
	// PolicyName is [DefaultPolicyName].
	PolicyName string
}

// Operation returns [OpSetKeyPolicy].
func (*SetKeyPolicyRequest) Operation() Operation { return OpSetKeyPolicy }

func (r *SetKeyPolicyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(newPolicy.required(), &r.Policy)
	v.str(policyName, &r.PolicyName)
}

// SetKeyPolicyResponse confirms the request.
type SetKeyPolicyResponse struct{ Reply }

// OpGetSecretPolicy is GetSecretPolicy.
const OpGetSecretPolicy Operation = "GetSecretPolicy"

// GetSecretPolicyRequest asks for the policy of a secret. Only secrets of a KMS instance have one.
type GetSecretPolicyRequest struct {
	answers[GetSecretPolicyResponse]
	// SecretName is the name or the resource name.
	SecretName string
	// PolicyName is [DefaultPolicyName].
	PolicyName string
}

// Operation returns [OpGetSecretPolicy].
func (*GetSecretPolicyRequest) Operation() Operation { return OpGetSecretPolicy }

func (r *GetSecretPolicyRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(policyName, &r.PolicyName)
}

// GetSecretPolicyResponse holds the policy of a secret.
type GetSecretPolicyResponse struct {
	Reply
	// Policy is JSON.
	Policy string
}

// OpSetSecretPolicy is SetSecretPolicy.
const OpSetSecretPolicy Operation = "SetSecretPolicy"

// SetSecretPolicyRequest replaces the policy of a secret in a KMS instance.
type SetSecretPolicyRequest struct {
	answers[SetSecretPolicyResponse]
	// SecretName is the name or the resource name.
	SecretName string
	// Policy is JSON of up to [MaxPolicy] bytes.
	Policy string
	// PolicyName is [DefaultPolicyName].
	PolicyName string
}

// Operation returns [OpSetSecretPolicy].
func (*SetSecretPolicyRequest) Operation() Operation { return OpSetSecretPolicy }

func (r *SetSecretPolicyRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(newPolicy.required(), &r.Policy)
	v.str(policyName, &r.PolicyName)
}

// SetSecretPolicyResponse confirms the request.
type SetSecretPolicyResponse struct{ Reply }
