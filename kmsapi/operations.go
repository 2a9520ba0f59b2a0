package kmsapi

// Operation is the value of the Action parameter (§3).
type Operation string

// The operations.
const (
	OpCreateKey              Operation = "CreateKey"
	OpGetParametersForImport Operation = "GetParametersForImport"
	OpImportKeyMaterial      Operation = "ImportKeyMaterial"
	OpEnableKey              Operation = "EnableKey"
	OpDisableKey             Operation = "DisableKey"
	OpScheduleKeyDeletion    Operation = "ScheduleKeyDeletion"
	OpCancelKeyDeletion      Operation = "CancelKeyDeletion"
	OpDeleteKeyMaterial      Operation = "DeleteKeyMaterial"
	OpDescribeKey            Operation = "DescribeKey"
	OpListKeys               Operation = "ListKeys"
	OpEncrypt                Operation = "Encrypt"
	OpGenerateDataKey        Operation = "GenerateDataKey"
	OpDecrypt                Operation = "Decrypt"
	OpCreateAlias            Operation = "CreateAlias"
	OpUpdateAlias            Operation = "UpdateAlias"
	OpDeleteAlias            Operation = "DeleteAlias"
	OpListAliases            Operation = "ListAliases"
	OpListAliasesByKeyId     Operation = "ListAliasesByKeyId"
	OpTagResource            Operation = "TagResource"
	OpUntagResource          Operation = "UntagResource"
	OpListResourceTags       Operation = "ListResourceTags"
	OpDescribeRegions        Operation = "DescribeRegions"
)

// Repeatable reports whether a request may run twice with the same outcome and the same kind of answer, so that a client
// that lost an answer may ask again. The others make something new each time, or refuse the second time.
func (o Operation) Repeatable() bool {
	switch o {
	case OpCreateKey, OpScheduleKeyDeletion, OpCancelKeyDeletion, OpCreateAlias, OpDeleteAlias:
		return false
	default:
		return true
	}
}

// Reply is the part that all answers have (§1.3).
type Reply struct {
	// RequestId names the request in KMS's records.
	RequestId string
}

// SetRequestId is for the service, which gives every answer an id.
func (r *Reply) SetRequestId(id string) { r.RequestId = id }

// ID returns the request id of an answer.
func (r *Reply) ID() string { return r.RequestId }

// Response is an answer to any operation.
type Response interface {
	SetRequestId(id string)
	ID() string
}
