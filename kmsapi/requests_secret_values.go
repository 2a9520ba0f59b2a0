package kmsapi

// OpPutSecretValue is PutSecretValue.
const OpPutSecretValue Operation = "PutSecretValue"

// PutSecretValueRequest adds a version to a secret.
type PutSecretValueRequest struct {
	answers[PutSecretValueResponse]
	SecretName string
	// VersionId is chosen by the caller. If that version exists, the data must be the same.
	VersionId string
	// SecretData has up to [MaxSecretData] bytes.
	SecretData Secret
	// SecretDataType of a new version is [SecretText] if empty. If the version exists, empty matches any type.
	SecretDataType string
	// VersionStages are the stages that the version gets and other versions lose. Without any, it gets [StageCurrent].
	VersionStages VersionStages
}

// Operation returns [OpPutSecretValue].
func (*PutSecretValueRequest) Operation() Operation { return OpPutSecretValue }

func (r *PutSecretValueRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(secretVersion.required(), &r.VersionId)
	v.secret(secretData, &r.SecretData)
	v.str(Rule{Name: secretDataType.Name, OneOf: secretDataType.OneOf}, &r.SecretDataType)
	v.structured(Rule{Name: "VersionStages", Form: stagesForm, NotEmpty: true}, &r.VersionStages)
}

// PutSecretValueResponse says which stages the version has.
type PutSecretValueResponse struct {
	Reply
	SecretName    string
	VersionId     string
	VersionStages StageList
}

// OpGetSecretValue is GetSecretValue.
const OpGetSecretValue Operation = "GetSecretValue"

// GetSecretValueRequest asks for the value of a version. If it has VersionId and VersionStage, the version must have
// the stage.
type GetSecretValueRequest struct {
	answers[GetSecretValueResponse]
	// SecretName is the name or the resource name.
	SecretName string
	VersionId  string
	// VersionStage is [StageCurrent] if it and VersionId are empty.
	VersionStage string
	// FetchExtendedConfig asks for ExtendedConfig, which only managed secrets have.
	FetchExtendedConfig bool
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpGetSecretValue].
func (*GetSecretValueRequest) Operation() Operation { return OpGetSecretValue }

func (r *GetSecretValueRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(secretVersion, &r.VersionId)
	// Its default depends on VersionId.
	v.str(secretStage, &r.VersionStage)
	v.boolean(Rule{Name: "FetchExtendedConfig"}, &r.FetchExtendedConfig)
	v.boolean(dryRun, &r.DryRun)
}

// GetSecretValueResponse holds a value.
type GetSecretValueResponse struct {
	Reply
	SecretName     string
	SecretType     string
	VersionId      string
	SecretData     Secret
	SecretDataType string
	VersionStages  StageList
	// CreateTime is when the version was made.
	CreateTime string
	SecretRotation
	LastRotationDate string `json:",omitempty" xml:",omitempty"`
}

// OpListSecretVersionIds is ListSecretVersionIds.
const OpListSecretVersionIds Operation = "ListSecretVersionIds"

// ListSecretVersionIdsRequest asks for one page of the versions of a secret.
type ListSecretVersionIdsRequest struct {
	answers[ListSecretVersionIdsResponse]
	SecretName string
	// IncludeDeprecated asks for versions without a stage too.
	IncludeDeprecated bool
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to 100; 0 means 20.
	PageSize int
}

// Operation returns [OpListSecretVersionIds].
func (*ListSecretVersionIdsRequest) Operation() Operation { return OpListSecretVersionIds }

func (r *ListSecretVersionIdsRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.boolean(Rule{Name: "IncludeDeprecated"}, &r.IncludeDeprecated)
	visitPageOf(v, defaultVersionsPage, maxSecretPage, &r.PageNumber, &r.PageSize)
}

// ListSecretVersionIdsResponse is one page.
type ListSecretVersionIdsResponse struct {
	Reply
	SecretName string
	VersionIds SecretVersionList
	PageNumber int
	PageSize   int
	TotalCount int
}

// SecretVersionList is the object around a list of versions on the wire.
type SecretVersionList struct{ VersionId []SecretVersionEntry }

// SecretVersionEntry is one version in a list.
type SecretVersionEntry struct {
	VersionId     string
	CreateTime    string
	VersionStages StageList
}

// OpUpdateSecretVersionStage is UpdateSecretVersionStage.
const OpUpdateSecretVersionStage Operation = "UpdateSecretVersionStage"

// UpdateSecretVersionStageRequest moves a stage to another version, or removes a custom stage.
type UpdateSecretVersionStageRequest struct {
	answers[UpdateSecretVersionStageResponse]
	SecretName   string
	VersionStage string
	// MoveToVersion is the version that gets the stage. It is required for [StageCurrent] and [StagePrevious].
	MoveToVersion string
	// RemoveFromVersion is the version that must have the stage now.
	RemoveFromVersion string
}

// Operation returns [OpUpdateSecretVersionStage].
func (*UpdateSecretVersionStageRequest) Operation() Operation { return OpUpdateSecretVersionStage }

func (r *UpdateSecretVersionStageRequest) visit(v visitor) {
	v.str(secretName, &r.SecretName)
	v.str(secretStage.required(), &r.VersionStage)
	v.str(versionRule("MoveToVersion"), &r.MoveToVersion)
	v.str(versionRule("RemoveFromVersion"), &r.RemoveFromVersion)
}

// UpdateSecretVersionStageResponse confirms the request.
type UpdateSecretVersionStageResponse struct {
	Reply
	SecretName string
}
