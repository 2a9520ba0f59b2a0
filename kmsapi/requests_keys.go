package kmsapi

// OpCreateKey is CreateKey.
const OpCreateKey Operation = "CreateKey"

// CreateKeyRequest makes a CMK (§4.1).
type CreateKeyRequest struct {
	answers[CreateKeyResponse]
	// Origin is [OriginKMS] if empty.
	Origin Origin
	// ProtectionLevel is [ProtectionSoftware] if empty.
	ProtectionLevel ProtectionLevel
	// KeySpec is one of [KeySpecs], and [KeySpecAES256] if empty.
	KeySpec string
	// KeyUsage is one of the [KeyUsages] of the KeySpec, and the first of them if empty.
	KeyUsage string
	// Description has up to [MaxDescription] characters.
	Description string
	// DKMSInstanceId is the KMS instance that the key is made in. Without it, a new account gets its one default
	// key, which is for Alibaba Cloud's own services.
	DKMSInstanceId string
	// Policy is the key's policy, in JSON of up to [MaxPolicy] bytes. Only keys of an instance have one.
	Policy string
	// EnableAutomaticRotation has the key rotated every RotationInterval, which [ParseRotationInterval] reads and which
	// is ignored otherwise. Only symmetric keys of origin [OriginKMS] can be rotated.
	EnableAutomaticRotation bool
	RotationInterval        string
	// Tags are the tags of the new key, up to [MaxTags].
	Tags Tags
}

// Operation returns [OpCreateKey].
func (*CreateKeyRequest) Operation() Operation { return OpCreateKey }

func (r *CreateKeyRequest) visit(v visitor) {
	v.str(Rule{Name: "Origin", Default: string(OriginKMS), OneOf: []string{string(OriginKMS), string(OriginExternal)}},
		(*string)(&r.Origin))
	v.str(Rule{Name: "Description", Max: MaxDescription}, &r.Description)
	v.str(Rule{Name: "KeySpec", Default: KeySpecAES256, OneOf: KeySpecs()}, &r.KeySpec)
	// Its default depends on the KeySpec.
	v.str(Rule{Name: "KeyUsage", OneOf: []string{KeyUsageEncryptDecrypt, KeyUsageSignVerify}}, &r.KeyUsage)
	v.str(Rule{
		Name: "ProtectionLevel", Default: string(ProtectionSoftware),
		OneOf: []string{string(ProtectionSoftware), string(ProtectionHSM)},
	}, (*string)(&r.ProtectionLevel))
	v.str(Rule{Name: "DKMSInstanceId", Named: true}, &r.DKMSInstanceId)
	v.str(newPolicy, &r.Policy)
	v.boolean(enableRotation, &r.EnableAutomaticRotation)
	v.str(rotationInterval, &r.RotationInterval)
	v.structured(Rule{Name: "Tags", Form: tagsForm}, &r.Tags)
	v.unserved(refused("KeyStorageMechanism")) // Its default is for keys in an HSM, so no value fits all keys.
}

// CreateKeyResponse describes the new CMK (§4.1).
type CreateKeyResponse struct {
	Reply
	KeyMetadata KeyMetadata
}

// OpDescribeKey is DescribeKey.
const OpDescribeKey Operation = "DescribeKey"

// DescribeKeyRequest asks for a CMK's metadata (§4.9).
type DescribeKeyRequest struct {
	answers[DescribeKeyResponse]
	// KeyId is the key's id or an alias.
	KeyId string
}

// Operation returns [OpDescribeKey].
func (*DescribeKeyRequest) Operation() Operation { return OpDescribeKey }

func (r *DescribeKeyRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// DescribeKeyResponse describes a CMK (§4.9).
type DescribeKeyResponse struct {
	Reply
	KeyMetadata KeyMetadata
}

// OpEnableKey is EnableKey.
const OpEnableKey Operation = "EnableKey"

// EnableKeyRequest lets a disabled CMK be used again (§4.4).
type EnableKeyRequest struct {
	answers[EnableKeyResponse]
	KeyId string
}

// Operation returns [OpEnableKey].
func (*EnableKeyRequest) Operation() Operation { return OpEnableKey }

func (r *EnableKeyRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// EnableKeyResponse confirms the request (§4.4).
type EnableKeyResponse struct{ Reply }

// OpDisableKey is DisableKey.
const OpDisableKey Operation = "DisableKey"

// DisableKeyRequest stops a CMK from being used (§4.5).
type DisableKeyRequest struct {
	answers[DisableKeyResponse]
	KeyId string
}

// Operation returns [OpDisableKey].
func (*DisableKeyRequest) Operation() Operation { return OpDisableKey }

func (r *DisableKeyRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// DisableKeyResponse confirms the request (§4.5).
type DisableKeyResponse struct{ Reply }

// OpScheduleKeyDeletion is ScheduleKeyDeletion.
const OpScheduleKeyDeletion Operation = "ScheduleKeyDeletion"

// ScheduleKeyDeletionRequest schedules the deletion of a CMK (§4.6).
type ScheduleKeyDeletionRequest struct {
	answers[ScheduleKeyDeletionResponse]
	KeyId string
	// PendingWindowInDays is the wait, [MinPendingWindowInDays] to [MaxPendingWindowInDays].
	PendingWindowInDays int
}

// Operation returns [OpScheduleKeyDeletion].
func (*ScheduleKeyDeletionRequest) Operation() Operation { return OpScheduleKeyDeletion }

func (r *ScheduleKeyDeletionRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.integer(Rule{Name: "PendingWindowInDays", Required: true, Min: MinPendingWindowInDays, Max: MaxPendingWindowInDays},
		&r.PendingWindowInDays)
}

// ScheduleKeyDeletionResponse confirms the request (§4.6).
type ScheduleKeyDeletionResponse struct{ Reply }

// OpCancelKeyDeletion is CancelKeyDeletion.
const OpCancelKeyDeletion Operation = "CancelKeyDeletion"

// CancelKeyDeletionRequest cancels a scheduled deletion; the CMK is enabled again (§4.7).
type CancelKeyDeletionRequest struct {
	answers[CancelKeyDeletionResponse]
	KeyId string
}

// Operation returns [OpCancelKeyDeletion].
func (*CancelKeyDeletionRequest) Operation() Operation { return OpCancelKeyDeletion }

func (r *CancelKeyDeletionRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// CancelKeyDeletionResponse confirms the request (§4.7).
type CancelKeyDeletionResponse struct{ Reply }

// OpUpdateKeyDescription is UpdateKeyDescription.
const OpUpdateKeyDescription Operation = "UpdateKeyDescription"

// UpdateKeyDescriptionRequest replaces the description of a CMK.
type UpdateKeyDescriptionRequest struct {
	answers[UpdateKeyDescriptionResponse]
	KeyId string
	// Description has up to [MaxDescription] characters. If it is empty, the description is removed.
	Description string
}

// Operation returns [OpUpdateKeyDescription].
func (*UpdateKeyDescriptionRequest) Operation() Operation { return OpUpdateKeyDescription }

func (r *UpdateKeyDescriptionRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	// Clients leave out an empty parameter, so it is not required here, although its page says so.
	v.str(Rule{Name: "Description", Max: MaxDescription}, &r.Description)
}

// UpdateKeyDescriptionResponse confirms the request.
type UpdateKeyDescriptionResponse struct{ Reply }

// OpSetDeletionProtection is SetDeletionProtection.
const OpSetDeletionProtection Operation = "SetDeletionProtection"

// SetDeletionProtectionRequest protects a CMK from ScheduleKeyDeletion, or ends that protection.
type SetDeletionProtectionRequest struct {
	answers[SetDeletionProtectionResponse]
	// ProtectedResourceArn is the resource name of the CMK. The request must have it or KeyId; if it has both, they
	// must name the same CMK.
	ProtectedResourceArn     string
	KeyId                    string
	EnableDeletionProtection bool
	// DeletionProtectionDescription is used only if the protection is enabled.
	DeletionProtectionDescription string
}

// Operation returns [OpSetDeletionProtection].
func (*SetDeletionProtectionRequest) Operation() Operation { return OpSetDeletionProtection }

func (r *SetDeletionProtectionRequest) visit(v visitor) {
	v.str(Rule{Name: "ProtectedResourceArn", Named: true}, &r.ProtectedResourceArn)
	v.str(Rule{Name: "KeyId", Named: true}, &r.KeyId)
	v.boolean(Rule{Name: "EnableDeletionProtection", Required: true}, &r.EnableDeletionProtection)
	v.str(Rule{Name: "DeletionProtectionDescription", Max: MaxDescription}, &r.DeletionProtectionDescription)
	v.unserved(Rule{Name: "KmsInstanceId", Support: Harmless, Named: true})
}

// SetDeletionProtectionResponse confirms the request.
type SetDeletionProtectionResponse struct{ Reply }

// OpListKeys is ListKeys.
const OpListKeys Operation = "ListKeys"

// ListKeysRequest asks for one page of the account's CMKs in the region (§4.10).
type ListKeysRequest struct {
	answers[ListKeysResponse]
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to [MaxPageSize]; 0 means [DefaultPageSize].
	PageSize int
	// Filters say which CMKs are listed. Without any, all are.
	Filters Filters
}

// Operation returns [OpListKeys].
func (*ListKeysRequest) Operation() Operation { return OpListKeys }

func (r *ListKeysRequest) visit(v visitor) {
	visitPage(v, &r.PageNumber, &r.PageSize)
	v.structured(Rule{Name: "Filters", Form: filtersForm}, &r.Filters)
}

// visitPage visits the two parameters of every operation that lists.
func visitPage(v visitor, number, size *int) { visitPageOf(v, "10", MaxPageSize, number, size) }

// visitPageOf is visitPage for pages of other sizes.
func visitPageOf(v visitor, usual string, most int, number, size *int) {
	v.integer(Rule{Name: "PageNumber", Default: "1", Min: 1}, number)
	v.integer(Rule{Name: "PageSize", Default: usual, Min: 1, Max: most}, size)
}

// ListKeysResponse is one page (§4.10).
type ListKeysResponse struct {
	Reply
	Keys       KeyList
	PageNumber int
	PageSize   int
	// TotalCount counts the CMKs of all pages that the filters let through.
	TotalCount int
}

// KeyList is the object around a list of keys on the wire.
type KeyList struct{ Key []KeyEntry }

// KeyEntry is one CMK in a list.
type KeyEntry struct {
	KeyId  string
	KeyArn string
}
