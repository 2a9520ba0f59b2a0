package kmsapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// An operationRow is all that is known about one operation. Everything that depends on the operation derives from its
// row: what the client repeats and checks, what the service allows, counts and refuses, which RAM permissions callers
// need.
type operationRow struct {
	request func() Request
	section string
	// topic is the topic of the row's group.
	topic string
	// once marks operations that must not run twice; see [Operation.Repeatable].
	once     bool
	plane    Plane
	rate     RateClass
	resource Resource
	// actions are the RAM actions. If there are none, it is the action named like the operation.
	actions []string
	// keys are the parameters that name the keys of an operation on several: actions has one for each, in the same
	// order.
	keys []string
	// keyAction is the RAM action that is needed on the key that encrypts the secret, if the operation uses that key.
	keyAction string
	states    states
	// uses is the kind of key that the operation works with.
	uses KeyKind
	// externalOnly marks operations for keys of origin EXTERNAL.
	externalOnly bool
	// required are the fields that every answer must have.
	required fields
}

// The cells of the table of key states.
var (
	ok              *Error
	rejDisabled     = ErrRejectedDisabled
	rejPendDeletion = ErrRejectedPendingDeletion
	rejPendImport   = ErrRejectedPendingImport
	modifyFailed    = ErrStateModifiedFailed
)

// Rows of the table that several operations share, for the states Enabled, Disabled, PendingDeletion, PendingImport.
var (
	inAnyState     = states{ok, ok, ok, ok}
	whenEnabled    = states{ok, rejDisabled, rejPendDeletion, rejPendImport}
	unlessPending  = states{ok, ok, modifyFailed, modifyFailed}
	unlessDeletion = states{ok, ok, modifyFailed, ok}
	unlessRejected = states{ok, ok, rejPendDeletion, ok}
	unlessImport   = states{ok, ok, ok, rejPendImport}
	whenPending    = states{modifyFailed, modifyFailed, ok, modifyFailed}
)

// An operationGroup has the rows of the operations of a topic.
type operationGroup struct {
	topic string
	rows  []operationRow
}

// operationRows has a row for each operation, by topic.
var operationRows = rowsOf(
	keyOperations, materialOperations, versionOperations, aliasOperations, tagOperations, encryptionOperations,
	dataKeyOperations, keyPairOperations, secretOperations, accountOperations,
)

func rowsOf(groups ...operationGroup) (rows []operationRow) {
	for _, group := range groups {
		for _, row := range group.rows {
			row.topic = group.topic
			rows = append(rows, row)
		}
	}
	return rows
}

// catalogue has the rows by operation. It is never changed.
var catalogue = func() map[Operation]*operationRow {
	byName := make(map[Operation]*operationRow, len(operationRows))
	for i := range operationRows {
		row := &operationRows[i]
		name := row.request().Operation()
		if len(row.actions) == 0 {
			row.actions = []string{"kms:" + string(name)}
		}
		byName[name] = row
	}
	return byName
}()

// Operations returns every operation of the catalogue, by topic.
func Operations() []Operation {
	all := make([]Operation, 0, len(operationRows))
	for _, row := range operationRows {
		all = append(all, row.request().Operation())
	}
	return all
}

// request makes an empty request of type T.
func request[T any, P interface {
	*T
	Request
}]() Request {
	return P(new(T))
}

// fields are the places of fields in an answer.
type fields []field

type field struct {
	name  string
	index []int
}

// holds finds the fields of A by their paths, such as "KeyMetadata.KeyId".
func holds[A any](names ...string) (found fields) {
	for _, name := range names {
		t, index := reflect.TypeFor[A](), []int(nil)
		for part := range strings.SplitSeq(name, ".") {
			f, exists := t.FieldByName(part)
			if !exists {
				panic(fmt.Sprintf("kmsapi: internal error: %s has no field %s", t, part))
			}
			t, index = f.Type, slices.Concat(index, f.Index)
		}
		found = append(found, field{name, index})
	}
	return found
}

// missing returns the first field that is zero in answer.
func (f fields) missing(answer Response) string {
	if len(f) == 0 {
		return ""
	}
	value := reflect.ValueOf(answer).Elem()
	for _, field := range f {
		if value.FieldByIndex(field.index).IsZero() {
			return field.name
		}
	}
	return ""
}
