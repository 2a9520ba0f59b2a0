package kmsapi

// Reply is the part that all answers have (§1.3).
type Reply struct {
	// RequestId names the request in KMS's records.
	RequestId string
}

// SetRequestId is for the service, which gives every answer an id.
func (r *Reply) SetRequestId(id string) { r.RequestId = id }

// ID returns the request id of an answer.
func (r *Reply) ID() string { return r.RequestId }

// A Response is an answer to any operation.
type Response interface {
	SetRequestId(id string)
	ID() string
}
