package kmsapi

// InstanceStatus is the status of a KMS instance.
type InstanceStatus string

// The statuses of a KMS instance. Only one that is connected serves requests.
const (
	InstanceUninitialized InstanceStatus = "Uninitialized"
	InstanceConnecting    InstanceStatus = "Connecting"
	InstanceConnected     InstanceStatus = "Connected"
	InstanceDisconnected  InstanceStatus = "Disconnected"
	InstanceError         InstanceStatus = "Error"
)

// InstanceHost returns the host of the dedicated gateway of the KMS instance called id. It is the same in all regions.
func InstanceHost(id string) string { return id + ".cryptoservice.kms.aliyuncs.com" }

// OpGetKmsInstance is GetKmsInstance.
const OpGetKmsInstance Operation = "GetKmsInstance"

// GetKmsInstanceRequest asks for the details of a KMS instance. Only the owner may ask, not a principal that the
// instance is shared with.
type GetKmsInstanceRequest struct {
	answers[GetKmsInstanceResponse]
	KmsInstanceId string
}

// Operation returns [OpGetKmsInstance].
func (*GetKmsInstanceRequest) Operation() Operation { return OpGetKmsInstance }

func (r *GetKmsInstanceRequest) visit(v visitor) {
	v.str(Rule{Name: "KmsInstanceId", Required: true, Named: true}, &r.KmsInstanceId)
}

// GetKmsInstanceResponse describes a KMS instance.
type GetKmsInstanceResponse struct {
	Reply
	KmsInstance InstanceDetails
}

// InstanceDetails describe a KMS instance. Dates are in [TimeFormat].
type InstanceDetails struct {
	InstanceId   string
	InstanceName string
	Status       InstanceStatus
	// CaCertificateChainPem holds the private root CA of KMS and the CA of the region, which issued the certificate of
	// the dedicated gateway. Lines end in CR LF.
	CaCertificateChainPem string
	CreateTime            string
	StartDate             string
	// EndDate is when the instance is released, together with all its keys.
	EndDate string
	// Spec is the instance's capacity, in symmetric operations a second.
	Spec int
	// KeyNum and SecretNum are how many keys and secrets the instance may hold, and VpcNum how many VPCs and accounts
	// may access it.
	KeyNum     int
	SecretNum  string
	VpcNum     int
	VpcId      string
	VswitchIds string
	ZoneIds    string
	BindVpcs   BoundVPCList
}

// BoundVPCList is the object around a list of VPCs on the wire.
type BoundVPCList struct{ BindVpc []BoundVPC }

// BoundVPC is a VPC from which an instance can be reached.
type BoundVPC struct {
	RegionId   string
	VpcId      string
	VSwitchId  string
	VpcOwnerId string
}

// OpListKmsInstances is ListKmsInstances.
const OpListKmsInstances Operation = "ListKmsInstances"

// ListKmsInstancesRequest asks for one page of the account's KMS instances in the region.
type ListKmsInstancesRequest struct {
	answers[ListKmsInstancesResponse]
	// PageNumber counts from 1; 0 means 1.
	PageNumber int
	// PageSize is up to [MaxPageSize]; 0 means [DefaultPageSize].
	PageSize int
}

// Operation returns [OpListKmsInstances].
func (*ListKmsInstancesRequest) Operation() Operation { return OpListKmsInstances }

func (r *ListKmsInstancesRequest) visit(v visitor) {
	visitPage(v, &r.PageNumber, &r.PageSize)
	v.unserved(refused("Filters", "[]"))
}

// ListKmsInstancesResponse is one page.
type ListKmsInstancesResponse struct {
	Reply
	KmsInstances InstanceList
	PageNumber   int
	PageSize     int
	// TotalCount counts the instances of all pages.
	TotalCount int
}

// InstanceList is the object around a list of instances on the wire.
type InstanceList struct{ KmsInstance []InstanceEntry }

// InstanceEntry is one KMS instance in a list.
type InstanceEntry struct {
	KmsInstanceId  string
	KmsInstanceArn string
}

// OpGetDefaultKmsInstance is GetDefaultKmsInstance.
const OpGetDefaultKmsInstance Operation = "GetDefaultKmsInstance"

// GetDefaultKmsInstanceRequest asks where CreateKey makes a key if it names no instance, in an account that was
// migrated from KMS 1.0.
type GetDefaultKmsInstanceRequest struct {
	answers[GetDefaultKmsInstanceResponse]
}

// Operation returns [OpGetDefaultKmsInstance].
func (*GetDefaultKmsInstanceRequest) Operation() Operation { return OpGetDefaultKmsInstance }

func (*GetDefaultKmsInstanceRequest) visit(visitor) {}

// GetDefaultKmsInstanceResponse names the default instance.
type GetDefaultKmsInstanceResponse struct {
	Reply
	// DefaultKmsInstanceId is empty if the account has none.
	DefaultKmsInstanceId string
}
