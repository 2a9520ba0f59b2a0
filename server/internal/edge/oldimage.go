package edge

import (
	"encoding/binary"
	"net/http"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

// OldImage is the dedicated gateway of a KMS instance whose image is older than this API. It speaks another protocol:
// to it, every request of this API lacks an access key, and it answers in protobuf.
type OldImage struct{ o Options }

// NewOldImage returns an OldImage. It needs no Gate in the options.
func NewOldImage(o Options) *OldImage { return &OldImage{o} }

var errOldImage = kmsapi.ErrMissingParameter.WithMessage(
	"Parameter x-kms-acccesskeyid does not exist in http header or body.")

// ServeHTTP refuses a request.
func (i *OldImage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	connectionOf(r.Context()).Handled()
	now := i.o.Clock()
	line := audit.Record{
		Time: now, RequestID: uuid.NewString(), SourceIP: sourceIP(r), Gateway: GatewayName(i.o.Gateway),
		Status: errOldImage.HTTPStatus, Code: string(errOldImage.Code),
	}
	if err := i.o.Audit.WriteStranger(line); err != nil {
		i.o.Log.Error("request not audited", "request_id", line.RequestID, "error", err)
	}
	i.o.Metrics.Answered(line.Gateway, line.Operation, errOldImage.Code, i.o.Clock().Sub(now))
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Connection", "close")
	w.WriteHeader(errOldImage.HTTPStatus)
	_, _ = w.Write(protobufError(errOldImage, line.RequestID)) // The caller has gone if this fails.
}

// protobufError encodes the message Error of that protocol: StatusCode, ErrorCode, ErrorMessage, RequestId.
func protobufError(err *kmsapi.Error, requestID string) []byte {
	const varint, bytes = 0, 2
	encoded := binary.AppendUvarint([]byte{1<<3 | varint}, uint64(err.HTTPStatus))
	for n, text := range []string{string(err.Code), err.Message, requestID} {
		encoded = append(encoded, byte(n+2)<<3|bytes)
		encoded = append(binary.AppendUvarint(encoded, uint64(len(text))), text...)
	}
	return encoded
}
