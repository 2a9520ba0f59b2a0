package kmsapi

// OpRotateSecret is RotateSecret.
const OpRotateSecret Operation = "RotateSecret"

// RotateSecretRequest rotates a managed secret at once. A secret of type [SecretGeneric] can't be rotated.
type RotateSecretRequest struct {
	answers[RotateSecretResponse]
	SecretName string
	// VersionId is the id of the new version.
	VersionId string
}

// Operation returns [OpRotateSecret].
func (*RotateSecretRequest) Operation() Operation { return OpRotateSecret }

func (r *RotateSecretRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(secretVersion.required(), &r.VersionId)
}

// RotateSecretResponse confirms the request.
type RotateSecretResponse struct {
	Reply
	Arn        string
	SecretName string
	VersionId  string
}

// OpUpdateSecretRotationPolicy is UpdateSecretRotationPolicy.
const OpUpdateSecretRotationPolicy Operation = "UpdateSecretRotationPolicy"

// UpdateSecretRotationPolicyRequest says whether, and how often, a managed secret is rotated.
type UpdateSecretRotationPolicyRequest struct {
	answers[UpdateSecretRotationPolicyResponse]
	SecretName string
	// EnableAutomaticRotation must be false for a secret of type [SecretGeneric].
	EnableAutomaticRotation bool
	RotationInterval        string
}

// Operation returns [OpUpdateSecretRotationPolicy].
func (*UpdateSecretRotationPolicyRequest) Operation() Operation { return OpUpdateSecretRotationPolicy }

func (r *UpdateSecretRotationPolicyRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.boolean(enableRotation.required(), &r.EnableAutomaticRotation)
	v.str(rotationInterval, &r.RotationInterval)
}

// UpdateSecretRotationPolicyResponse confirms the request.
type UpdateSecretRotationPolicyResponse struct {
	Reply
	SecretName string
}

// OpGetRandomPassword is GetRandomPassword.
const OpGetRandomPassword Operation = "GetRandomPassword"

// GetRandomPasswordRequest asks for a random password of digits, letters and ASCII punctuation.
type GetRandomPasswordRequest struct {
	answers[GetRandomPasswordResponse]
	// PasswordLength is [MinPasswordLength] to [MaxPasswordLength]; 0 means 32.
	PasswordLength int
	// ExcludeCharacters are characters that the password must not have.
	ExcludeCharacters                                                      string
	ExcludeLowercase, ExcludeUppercase, ExcludeNumbers, ExcludePunctuation bool
	// RequireEachIncludedType is "true" or "false"; empty means "true". If it is true, the password has at least one
	// character of each kind that is not excluded.
	RequireEachIncludedType string
}

// Operation returns [OpGetRandomPassword].
func (*GetRandomPasswordRequest) Operation() Operation { return OpGetRandomPassword }

func (r *GetRandomPasswordRequest) visit(v visitor) {
	v.integer(Rule{Name: "PasswordLength", Default: "32", Min: MinPasswordLength, Max: MaxPasswordLength},
		&r.PasswordLength)
	v.str(Rule{Name: "ExcludeCharacters"}, &r.ExcludeCharacters)
	v.boolean(Rule{Name: "ExcludeLowercase"}, &r.ExcludeLowercase)
	v.boolean(Rule{Name: "ExcludeUppercase"}, &r.ExcludeUppercase)
	v.boolean(Rule{Name: "ExcludeNumbers"}, &r.ExcludeNumbers)
	v.boolean(Rule{Name: "ExcludePunctuation"}, &r.ExcludePunctuation)
	// It is a string here because its default is true, and a false boolean would be left out.
	v.str(Rule{Name: "RequireEachIncludedType", Default: "true", OneOf: booleans}, &r.RequireEachIncludedType)
}

// GetRandomPasswordResponse holds the password.
type GetRandomPasswordResponse struct {
	Reply
	RandomPassword Secret
}
