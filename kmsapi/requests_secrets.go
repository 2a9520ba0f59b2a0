package kmsapi

// OpCreateSecret is CreateSecret.
const OpCreateSecret Operation = "CreateSecret"

// CreateSecretRequest makes a secret with its first version.
type CreateSecretRequest struct {
	answers[CreateSecretResponse]
	// SecretName has up to [MaxSecretName] characters, and is unique in an account and region.
	SecretName string
	// VersionId is chosen by the caller, and has up to [MaxSecretVersion] characters.
	VersionId string
	// SecretData has up to [MaxSecretData] bytes.
	SecretData Secret
	// SecretDataType is [SecretText] if empty.
	SecretDataType string
	// SecretType is [SecretGeneric] if empty.
	SecretType string
	// EncryptionKeyId is the id or an alias of the symmetric CMK that encrypts the values. If it is empty, KMS uses a
	// key of its own.
	EncryptionKeyId string
	// Description has up to [MaxDescription] characters.
	Description string
	// DKMSInstanceId is the KMS instance that the secret is in, together with its key.
	DKMSInstanceId string
	// Policy is the secret's policy, in JSON of up to [MaxPolicy] bytes. Only secrets of an instance have one.
	Policy string
	// EnableAutomaticRotation is for managed secrets.
	EnableAutomaticRotation bool
	// Tags are the tags of the new secret, up to [MaxTags].
	Tags Tags
}

// Operation returns [OpCreateSecret].
func (*CreateSecretRequest) Operation() Operation { return OpCreateSecret }

func (r *CreateSecretRequest) visit(v visitor) {
	name := secretName
	name.Reserved = ReservedSecretPrefix
	v.str(name, &r.SecretName)
	v.str(secretVersion.required(), &r.VersionId)
	v.secret(secretData, &r.SecretData)
	v.str(secretDataType, &r.SecretDataType)
	v.str(Rule{
		Name: "SecretType", Default: SecretGeneric,
		OneOf: []string{SecretGeneric, secretRDS, secretRedis, secretRAM, secretECS, secretPolar},
	}, &r.SecretType)
	v.str(Rule{Name: "EncryptionKeyId", Named: true}, &r.EncryptionKeyId)
	v.str(Rule{Name: "Description", Max: MaxDescription}, &r.Description)
	v.str(Rule{Name: "DKMSInstanceId", Named: true}, &r.DKMSInstanceId)
	v.boolean(enableRotation, &r.EnableAutomaticRotation)
	v.structured(Rule{Name: "Tags", Form: tagsForm}, &r.Tags)
	v.unserved(Rule{Name: "RotationInterval", Support: Harmless})
	v.unserved(Rule{Name: "ExtendedConfig", Support: Harmless})
	v.str(newPolicy, &r.Policy)
}

// CreateSecretResponse confirms the request.
type CreateSecretResponse struct {
	Reply
	Arn        string
	SecretName string
	VersionId  string
	SecretType string
	SecretRotation
	DKMSInstanceId string `json:",omitempty" xml:",omitempty"`
}

// OpDescribeSecret is DescribeSecret.
const OpDescribeSecret Operation = "DescribeSecret"

// DescribeSecretRequest asks for everything about a secret except its values.
type DescribeSecretRequest struct {
	answers[DescribeSecretResponse]
	// SecretName is the name or the resource name.
	SecretName string
	FetchTags  bool
}

// Operation returns [OpDescribeSecret].
func (*DescribeSecretRequest) Operation() Operation { return OpDescribeSecret }

func (r *DescribeSecretRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.boolean(fetchTags, &r.FetchTags)
}

// DescribeSecretResponse describes a secret.
type DescribeSecretResponse struct {
	Reply
	Arn         string
	SecretName  string
	SecretType  string
	Description string
	// EncryptionKeyId is empty if KMS encrypts the values with a key of its own.
	EncryptionKeyId string
	CreateTime      string
	UpdateTime      string
	// PlannedDeleteTime is empty unless the secret is scheduled for deletion.
	PlannedDeleteTime string `json:",omitempty" xml:",omitempty"`
	SecretRotation
	LastRotationDate string `json:",omitempty" xml:",omitempty"`
	DKMSInstanceId   string `json:",omitempty" xml:",omitempty"`
	// Tags are not on the wire if the request did not ask for them.
	Tags SecretTags `json:",omitzero"`
}

// SecretTags is the object around the tags of a secret on the wire.
type SecretTags struct{ Tag []Tag }

// OpListSecrets is ListSecrets.
const OpListSecrets Operation = "ListSecrets"

// ListSecretsRequest asks for one page of the account's secrets in the region.
type ListSecretsRequest struct {
	answers[ListSecretsResponse]
	FetchTags bool
	// Filters say which secrets are listed. Without any, all are.
	Filters SecretFilters
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to 100; 0 means 10.
	PageSize int
}

// Operation returns [OpListSecrets].
func (*ListSecretsRequest) Operation() Operation { return OpListSecrets }

func (r *ListSecretsRequest) visit(v visitor) {
	v.boolean(fetchTags, &r.FetchTags)
	v.structured(Rule{Name: "Filters", Form: secretFiltersForm}, &r.Filters)
	visitPageOf(v, defaultSecretPage, maxSecretPage, &r.PageNumber, &r.PageSize)
}

// ListSecretsResponse is one page.
type ListSecretsResponse struct {
	Reply
	SecretList SecretList
	PageNumber int
	PageSize   int
	TotalCount int
}

// SecretList is the object around a list of secrets on the wire.
type SecretList struct{ Secret []SecretEntry }

// SecretEntry is one secret in a list. Secrets that are scheduled for deletion are listed too.
type SecretEntry struct {
	SecretName        string
	SecretType        string
	CreateTime        string
	UpdateTime        string
	PlannedDeleteTime string     `json:",omitempty" xml:",omitempty"`
	Tags              SecretTags `json:",omitzero"`
}

// OpUpdateSecret is UpdateSecret.
const OpUpdateSecret Operation = "UpdateSecret"

// UpdateSecretRequest replaces the description of a secret.
type UpdateSecretRequest struct {
	answers[UpdateSecretResponse]
	SecretName string
	// Description stays as it is if it is empty, unless NoDescription asks for its removal.
	Description   string
	NoDescription bool
}

// Operation returns [OpUpdateSecret].
func (*UpdateSecretRequest) Operation() Operation { return OpUpdateSecret }

func (r *UpdateSecretRequest) visit(v visitor) {
	description := Rule{Name: "Description", Max: MaxDescription}
	v.str(secretName, &r.SecretName)
	v.str(description, &r.Description)
	v.empty(description, &r.NoDescription)
	v.unserved(refused("ExtendedConfig"))
}

// UpdateSecretResponse confirms the request.
type UpdateSecretResponse struct {
	Reply
	SecretName string
}

// OpDeleteSecret is DeleteSecret.
const OpDeleteSecret Operation = "DeleteSecret"

// DeleteSecretRequest schedules the deletion of a secret, or deletes it at once.
type DeleteSecretRequest struct {
	answers[DeleteSecretResponse]
	SecretName string
	// ForceDeleteWithoutRecovery deletes the secret at once, whatever RecoveryWindowInDays says.
	ForceDeleteWithoutRecovery bool
	// RecoveryWindowInDays is how long RestoreSecret can undo it, [MinRecoveryWindowInDays] to
	// [MaxRecoveryWindowInDays]; 0 means the maximum.
	RecoveryWindowInDays int
}

// Operation returns [OpDeleteSecret].
func (*DeleteSecretRequest) Operation() Operation { return OpDeleteSecret }

func (r *DeleteSecretRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.boolean(Rule{Name: "ForceDeleteWithoutRecovery"}, &r.ForceDeleteWithoutRecovery)
	v.integer(Rule{
		Name: "RecoveryWindowInDays", Default: "30", Min: MinRecoveryWindowInDays, Max: MaxRecoveryWindowInDays,
	}, &r.RecoveryWindowInDays)
}

// DeleteSecretResponse says when the secret is deleted.
type DeleteSecretResponse struct {
	Reply
	SecretName        string
	PlannedDeleteTime string
}

// OpRestoreSecret is RestoreSecret.
const OpRestoreSecret Operation = "RestoreSecret"

// RestoreSecretRequest cancels the deletion of a secret.
type RestoreSecretRequest struct {
	answers[RestoreSecretResponse]
	SecretName string
}

// Operation returns [OpRestoreSecret].
func (*RestoreSecretRequest) Operation() Operation { return OpRestoreSecret }

func (r *RestoreSecretRequest) visit(v visitor) { v.str(secretName, &r.SecretName) }

// RestoreSecretResponse confirms the request.
type RestoreSecretResponse struct {
	Reply
	SecretName string
}
