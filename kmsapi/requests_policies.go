package kmsapi

// DefaultPolicyName is the name of the only policy that a key can have, and what an empty PolicyName means.
const DefaultPolicyName = "default"

// MaxPolicy is the length of a key policy, in bytes.
const MaxPolicy = 32768

// policyName is the rule of PolicyName.
var policyName = Rule{Name: "PolicyName", Default: DefaultPolicyName}

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
	v.str(Rule{Name: "Policy", Required: true, Max: MaxPolicy}, &r.Policy)
	v.str(policyName, &r.PolicyName)
}

// SetKeyPolicyResponse says that it is done.
type SetKeyPolicyResponse struct{ Reply }
