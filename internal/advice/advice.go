// Package advice explains KMS's refusals to people: it describes one in a line, and finds what to do about it in a
// table of sentences. The engine and the seal each have a table of their own, since their readers can do different
// things.
package advice

import (
	"cmp"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Table holds what to do about refusals, in whole sentences. The most exact entry wins. A table is never changed once
// it is in use.
type Table struct {
	// ByOperation is for codes that mean something different, or need a different remedy, in one operation.
	ByOperation map[kmsapi.Operation]map[kmsapi.Code]string
	// ByCode is for refusals whose kind is too coarse.
	ByCode map[kmsapi.Code]string
	// ByKind is for refusals whose kind says enough.
	ByKind map[kmsapi.Kind]string
}

// For returns what t advises about a refusal of op, or "".
func (t *Table) For(op kmsapi.Operation, refused *kmsapi.Error) string {
	return cmp.Or(t.ByOperation[op][refused.Code], t.ByCode[refused.Code], t.ByKind[refused.Kind()])
}

// maxMessage is the length, in bytes, up to which KMS's messages are passed on. A longer one is a gateway's dump of the
// string that was signed, with every parameter: plaintext and security token too.
const maxMessage = 256

// Describe says what KMS answered, in one line without a period: the code, the message unless it may quote what was
// signed, and the request id.
func Describe(refused *kmsapi.Error) string {
	text := "KMS refused: " + string(refused.Code)
	if !refused.Kind().Unauthenticated() && len(refused.Message) <= maxMessage {
		text += ": " + refused.Message
	}
	if refused.RequestID != "" {
		text += fmt.Sprintf(" (request id %s)", refused.RequestID)
	}
	return text
}
