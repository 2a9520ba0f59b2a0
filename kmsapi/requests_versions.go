package kmsapi

import "strconv"

// The values of AutomaticRotation.
const (
	// RotationEnabled keys get a new version when their next rotation is due.
	RotationEnabled = "Enabled"
	// RotationDisabled keys get a new version only by CreateKeyVersion.
	RotationDisabled = "Disabled"
	// RotationSuspended keys have a rotation policy but are not enabled, so they are not rotated until they are
	// enabled.
	RotationSuspended = "Suspended"
)

var enableRotation = Rule{Name: "EnableAutomaticRotation"}

// KeyVersion is a version of a CMK's key material. The date is in [TimeFormat].
type KeyVersion struct {
	KeyId        string
	KeyVersionId string
	CreationDate string
}

// OpCreateKeyVersion is CreateKeyVersion.
const OpCreateKeyVersion Operation = "CreateKeyVersion"

// CreateKeyVersionRequest gives a CMK a new version. A symmetric CMK encrypts with it from then on, and decrypts with
// all versions; for an asymmetric CMK, the caller names the version in every request.
type CreateKeyVersionRequest struct {
	answers[CreateKeyVersionResponse]
	// KeyId is the key's id or an alias.
	KeyId string
}

// Operation returns [OpCreateKeyVersion].
func (*CreateKeyVersionRequest) Operation() Operation { return OpCreateKeyVersion }

func (r *CreateKeyVersionRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// CreateKeyVersionResponse describes the new version.
type CreateKeyVersionResponse struct {
	Reply
	KeyVersion KeyVersion
}

// OpDescribeKeyVersion is DescribeKeyVersion.
const OpDescribeKeyVersion Operation = "DescribeKeyVersion"

// DescribeKeyVersionRequest asks for a version of a CMK.
type DescribeKeyVersionRequest struct {
	answers[DescribeKeyVersionResponse]
	// KeyId is the key's id or an alias.
	KeyId        string
	KeyVersionId string
}

// Operation returns [OpDescribeKeyVersion].
func (*DescribeKeyVersionRequest) Operation() Operation { return OpDescribeKeyVersion }

func (r *DescribeKeyVersionRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(Rule{Name: "KeyVersionId", Required: true}, &r.KeyVersionId)
}

// DescribeKeyVersionResponse describes the version.
type DescribeKeyVersionResponse struct {
	Reply
	KeyVersion KeyVersion
}

// OpListKeyVersions is ListKeyVersions.
const OpListKeyVersions Operation = "ListKeyVersions"

// ListKeyVersionsRequest asks for one page of the versions of a CMK, the newest first.
type ListKeyVersionsRequest struct {
	answers[ListKeyVersionsResponse]
	// KeyId is the key's id or an alias.
	KeyId string
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to [MaxPageSize]; 0 means [DefaultPageSize].
	PageSize int
}

// Operation returns [OpListKeyVersions].
func (*ListKeyVersionsRequest) Operation() Operation { return OpListKeyVersions }

func (r *ListKeyVersionsRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.integer(Rule{Name: "PageNumber", Default: "1", Min: 1}, &r.PageNumber)
	// Unlike the pages of other lists, this operation's page allows the size 0.
	v.integer(Rule{Name: "PageSize", Default: strconv.Itoa(DefaultPageSize), Max: MaxPageSize}, &r.PageSize)
}

// ListKeyVersionsResponse is one page.
type ListKeyVersionsResponse struct {
	Reply
	KeyVersions KeyVersionList
	PageNumber  int
	PageSize    int
	// TotalCount counts the versions of all pages.
	TotalCount int
}

// KeyVersionList is the object around a list of versions on the wire.
type KeyVersionList struct{ KeyVersion []KeyVersion }

// OpUpdateRotationPolicy is UpdateRotationPolicy.
const OpUpdateRotationPolicy Operation = "UpdateRotationPolicy"

// UpdateRotationPolicyRequest says whether, and how often, a CMK is rotated automatically.
type UpdateRotationPolicyRequest struct {
	answers[UpdateRotationPolicyResponse]
	KeyId                   string
	EnableAutomaticRotation bool
	// RotationInterval is read by [ParseRotationInterval] if the rotation is enabled, and ignored otherwise. The next
	// rotation is one interval after the last, or at once if that time has passed.
	RotationInterval string
}

// Operation returns [OpUpdateRotationPolicy].
func (*UpdateRotationPolicyRequest) Operation() Operation { return OpUpdateRotationPolicy }

func (r *UpdateRotationPolicyRequest) visit(v visitor) {
	enable := enableRotation
	enable.Required = true
	v.str(keyID, &r.KeyId)
	v.boolean(enable, &r.EnableAutomaticRotation)
	v.str(rotationInterval, &r.RotationInterval)
}

// UpdateRotationPolicyResponse confirms the request.
type UpdateRotationPolicyResponse struct{ Reply }
