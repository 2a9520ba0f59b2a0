package fields

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// Schemas are the fields of a path or of an item, by name.
type Schemas = map[string]*framework.FieldSchema

// Check checks the fields of a request against schemas, and converts each to the Go type and form of its schema. It
// also returns remarks, of which the caller should be warned. given stays as it is, and is itself returned if nothing
// needs a change, as in most items of a batch. Of several errors, it returns the one of the name that sorts first.
func Check(
	schemas Schemas, op logical.Operation, given map[string]any,
) (checked map[string]any, remarks Remarks, err error) {
	if given == nil {
		return map[string]any{}, remarks, nil
	}
	var failed string
	for name, raw := range given {
		if err != nil && name > failed {
			continue
		}
		value, fieldErr := checkField(schemas, op, name, raw, &remarks)
		if fieldErr != nil {
			failed, err = name, fieldErr
			continue
		}
		if !isSame(raw, value) {
			checked = changed(given, checked, name, value)
		}
	}
	switch {
	case err != nil && isNull(op, given):
		return map[string]any{}, Remarks{}, nil
	case err != nil:
		return nil, Remarks{}, err
	case checked == nil:
		return given, remarks.sorted(), nil
	default:
		return checked, remarks.sorted(), nil
	}
}

// checkField returns the value of a field in its Go type and form, and nil if the field counts as not given.
func checkField(schemas Schemas, op logical.Operation, name string, raw any, remarks *Remarks) (any, error) {
	if name == "list" && op == logical.ListOperation { // Vault's command line adds it.
		return nil, nil
	}
	schema := schemas[name]
	if schema == nil || !Takes(op, name, schema) {
		return nil, unknownField(schemas, op, name)
	}
	if raw == nil {
		if op == logical.PatchOperation { // A null in a merge patch resets the field.
			return schema.DefaultOrZero(), nil
		}
		return nil, nil
	}
	value, ok := convertFor(op, schema, raw)
	if !ok {
		return nil, refusal.BadRequest("the field %q must be %s", name, typeNames[schema.Type])
	}
	value, err := clean(schema, value)
	if err != nil {
		return nil, refusal.BadRequest("the field %q %s", name, err)
	}
	if field, ok := transitFields[name]; ok && field.schema == schema {
		if !field.accepts(value) {
			return nil, refusal.BadRequest("the field %q can't be used: %s", name, field.refusal)
		}
		remarks.ignored = append(remarks.ignored, name)
	}
	if isJoined(raw, value) {
		remarks.joined = append(remarks.joined, name)
	}
	return value, nil
}

// isSame reports whether a checked value is what the caller gave. Lists and maps count as changed.
func isSame(raw, value any) bool {
	switch value.(type) {
	case string, bool, int, int64:
		return raw == value
	default:
		return false
	}
}

// changed sets or, with nil, removes a field of checked, which is a copy of given that the first change makes.
func changed(given, checked map[string]any, name string, value any) map[string]any {
	if checked == nil {
		checked = maps.Clone(given)
	}
	if checked[name] = value; value == nil {
		delete(checked, name)
	}
	return checked
}

// isNull reports whether the body of a write was the JSON null, which counts as an empty body. Vault reads a body that
// does not begin with a brace as a form if the client says that it is one, as curl does by default.
func isNull(op logical.Operation, given map[string]any) bool {
	if len(given) != 1 || !IsWrite(op) {
		return false
	}
	for name, value := range given {
		return value == "" && strings.TrimSpace(name) == "null"
	}
	return false
}

// Carry reports whether requests of an operation carry fields.
func Carry(op logical.Operation) bool {
	return IsWrite(op) || op == logical.ReadOperation || op == logical.DeleteOperation || op == logical.ListOperation
}

// IsWrite reports whether fields come in the body. Those of other operations come in the query.
func IsWrite(op logical.Operation) bool {
	return op == logical.CreateOperation || op == logical.UpdateOperation || op == logical.PatchOperation
}

// Takes reports whether the requests of an operation take the field called name: a write takes those of the body, a
// list and a delete those of the query, and a read takes none. None takes a field that is part of the path.
func Takes(op logical.Operation, name string, schema *framework.FieldSchema) bool {
	return schema.Query != IsWrite(op) && op != logical.ReadOperation && !isInPath(name)
}

// unknownField refuses a field that the operation does not have. That includes a field that is part of the path, unless
// it repeats the path: the framework silently lets the path win, so a caller that means another key would never find
// out.
func unknownField(schemas Schemas, op logical.Operation, name string) error {
	var known []string
	for field, schema := range schemas {
		if !IsTransit(field, schema) && Takes(op, field, schema) {
			known = append(known, field)
		}
	}
	if len(known) == 0 {
		return refusal.BadRequest("%s; this path has no fields", unknown(name))
	}
	slices.Sort(known)
	misspelled := name
	if isInPath(name) {
		misspelled = ""
	}
	return refusal.BadRequest("%s; %s", unknown(name), guess.Among(misspelled, "fields", known))
}

// fieldName matches what looks like the name of a field.
var fieldName = regexp.MustCompile(`^[a-z_]{1,40}$`)

// unknown says that a field is unknown. A name that does not look like one may be a value that a caller sent without a
// name, as curl -d "$PLAINTEXT" does, and errors end up in audit logs.
func unknown(name string) string {
	switch {
	case isInPath(name):
		return fmt.Sprintf("unknown field %q: it is part of the path", name)
	case fieldName.MatchString(name):
		return fmt.Sprintf("unknown field %q", name)
	default:
		return "unknown field, whose name is not shown because it may be a secret: it is not 1 to 40 of a to z and _"
	}
}

// maxShown bounds, in bytes, how much of a name from a caller is shown in an error.
const maxShown = 64

// Shorten cuts a name that a caller has given, for an error that shows it.
func Shorten(name string) string {
	if len(name) > maxShown {
		return strings.ToValidUTF8(name[:maxShown], "") + "..."
	}
	return name
}
