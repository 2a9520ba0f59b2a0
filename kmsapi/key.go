package kmsapi

// KeyState is the state of a CMK (§2).
type KeyState string

// The states of a CMK.
const (
	// Enabled keys can be used for everything.
	Enabled KeyState = "Enabled"
	// Disabled keys neither encrypt nor decrypt until they are enabled again.
	Disabled KeyState = "Disabled"
	// PendingDeletion keys can't be used. They are deleted on their deletion date unless the deletion is cancelled
	// first.
	PendingDeletion KeyState = "PendingDeletion"
	// PendingImport keys have origin EXTERNAL and no key material: not yet, or no longer.
	PendingImport KeyState = "PendingImport"
)

// Origin says where a CMK's key material comes from (§4.1). Values are case sensitive.
type Origin string

// The origins of key material.
const (
	// OriginKMS is key material that KMS makes itself. It is the default.
	OriginKMS Origin = "Aliyun_KMS"
	// OriginExternal is key material that the user imports.
	OriginExternal Origin = "EXTERNAL"
)

// ProtectionLevel says what holds a CMK's key material (§4.1). Values are case sensitive.
type ProtectionLevel string

// The protection levels.
const (
	// ProtectionSoftware is the default.
	ProtectionSoftware ProtectionLevel = "SOFTWARE"
	// ProtectionHSM asks for a managed HSM.
	ProtectionHSM ProtectionLevel = "HSM"
)

// The values of DeletionProtection.
const (
	ProtectionEnabled  = "Enabled"
	ProtectionDisabled = "Disabled"
)

// KeyMetadata describes a CMK (§4.1, §4.9). Dates are in [TimeFormat], and empty if they do not apply.
type KeyMetadata struct {
	KeyId              string
	Arn                string
	KeyState           KeyState
	KeySpec            string
	KeyUsage           string
	Origin             Origin
	ProtectionLevel    ProtectionLevel
	Creator            string
	CreationDate       string
	DeleteDate         string
	MaterialExpireTime string
	Description        string
	PrimaryKeyVersion  string
	LastRotationDate   string
	// AutomaticRotation is [RotationEnabled], [RotationDisabled] or [RotationSuspended]. If it is not disabled,
	// RotationInterval is how often the key is rotated, in seconds, such as 31536000s, and NextRotationDate when.
	AutomaticRotation string
	RotationInterval  string
	NextRotationDate  string
	// DeletionProtection is [ProtectionEnabled] if ScheduleKeyDeletion is refused, and [ProtectionDisabled] otherwise.
	DeletionProtection            string
	DeletionProtectionDescription string
	// DKMSInstanceId is the KMS instance that holds the key, and empty for a key of none. The form of a key id does not
	// show it: migrated keys keep their ids.
	DKMSInstanceId string
}
