package alicloudkms

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

type fieldSchemas = map[string]*framework.FieldSchema

// checkRequest checks the fields of a request against its path, and gives each the Go type of its schema. It returns the
// names of transit's fields that mean nothing here. No error shows a value, because any may be a secret.
func (b *backend) checkRequest(req *logical.Request) (ignored []string, err error) {
	if !hasFields(req.Operation) {
		return nil, nil
	}
	path := b.Route(req.Path)
	if path == nil {
		return nil, b.unknownPath(req.Path)
	}
	given := req.Data
	if _, ok := given["list"]; ok && req.Operation == logical.ListOperation {
		given = maps.Clone(given) // Vault's command line adds it.
		delete(given, "list")
	}
	req.Data, ignored, err = checkFields(path.Fields, req.Operation, given)
	return ignored, err
}

// checkFields checks what is given against schemas, as checkRequest does.
func checkFields(schemas fieldSchemas, op logical.Operation, given map[string]any) (checked map[string]any, ignored []string, err error) {
	checked = make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		schema := schemas[name]
		if schema == nil || schema.Query == isWrite(op) {
			return nil, nil, unknownField(schemas, op, name)
		}
		raw := given[name]
		if raw == nil {
			if op == logical.PatchOperation { // A null in a merge patch takes a value back.
				checked[name] = schema.DefaultOrZero()
			}
			continue
		}
		value, ok := convert(schema, raw)
		if op == logical.PatchOperation && schema.Type == framework.TypeKVPairs {
			value, ok = convertMapPatch(raw)
		}
		if !ok {
			return nil, nil, badRequest("the field %q must be %s", name, typeNames[schema.Type])
		}
		if field, ok := transitFields[name]; ok && field.schema == schema {
			if !field.accepts(value) {
				return nil, nil, badRequest("the field %q can't be used: %s", name, field.refusal)
			}
			ignored = append(ignored, name)
		}
		checked[name] = value
	}
	return checked, ignored, nil
}

func hasFields(op logical.Operation) bool {
	return isWrite(op) || op == logical.ReadOperation || op == logical.DeleteOperation || op == logical.ListOperation
}

// isWrite reports whether fields come in the body. Those of other operations come in the query.
func isWrite(op logical.Operation) bool {
	return op == logical.CreateOperation || op == logical.UpdateOperation || op == logical.PatchOperation
}

func unknownField(schemas fieldSchemas, op logical.Operation, name string) error {
	var known []string
	for field, schema := range schemas {
		_, transit := transitFields[field]
		_, inPath := pathNames[field]
		if !transit && !inPath && schema.Query != isWrite(op) {
			known = append(known, field)
		}
	}
	if len(known) == 0 {
		return badRequest("unknown field %q; there are no fields here", shorten(name))
	}
	slices.Sort(known)
	return badRequest("unknown field %q; the fields are %s", shorten(name), strings.Join(known, ", "))
}

// typeNames says what a field must be, in the words of its caller.
var typeNames = map[framework.FieldType]string{
	framework.TypeString:           "a text",
	framework.TypeBool:             "true or false",
	framework.TypeInt:              "a whole number",
	framework.TypeDurationSecond:   `a duration, like "10s" or a number of seconds`,
	framework.TypeKVPairs:          "a map of texts, as a JSON object or as name=value",
	framework.TypeSlice:            "a list, or the JSON text of one",
	framework.TypeTime:             `a moment, like "2030-01-01T00:00:00Z" or in seconds since 1970`,
	framework.TypeCommaStringSlice: "a list of texts that are not empty, with commas in between",
}

// convert gives raw the type of its schema. It is stricter than the framework, which takes true for the text "1" and "" for
// the number 0.
func convert(schema *framework.FieldSchema, raw any) (any, bool) {
	text, isText := raw.(string)
	_, isBool := raw.(bool)
	switch schema.Type {
	case framework.TypeString:
		return text, isText && utf8.ValidString(text)
	case framework.TypeKVPairs:
		return convertMap(raw)
	case framework.TypeCommaStringSlice:
		return convertTexts(raw)
	case framework.TypeSlice:
		return convertList(raw)
	case framework.TypeBool:
		if !isText && !isBool || isText && text == "" {
			return nil, false
		}
	case framework.TypeInt, framework.TypeDurationSecond, framework.TypeTime:
		if isBool || isText && text == "" {
			return nil, false
		}
	}
	d := framework.FieldData{Raw: map[string]any{"": raw}, Schema: map[string]*framework.FieldSchema{"": schema}}
	value, ok, err := d.GetOkErr("")
	if moment, isTime := value.(time.Time); isTime {
		value = moment.Unix() // The framework reads the field again, and does not know its own type.
	}
	return value, ok && err == nil
}

// A mapPatch changes some entries of a map: nil takes an entry away.
type mapPatch map[string]*string

// convertMapPatch reads a map in which a value may be null.
func convertMapPatch(raw any) (any, bool) {
	given, isObject := raw.(map[string]any)
	patch := mapPatch{}
	for name, value := range given {
		text, isText := value.(string)
		if value != nil && !isText {
			return nil, false
		}
		if patch[name] = nil; isText {
			patch[name] = &text
		}
	}
	if isObject {
		return patch, true
	}
	plain, ok := convertMap(raw)
	for name, value := range plain {
		patch[name] = &value
	}
	return patch, ok
}

// apply returns the patched copy of m.
func (p mapPatch) apply(m map[string]string) map[string]string {
	patched := make(map[string]string, len(m)+len(p))
	maps.Copy(patched, m)
	for name, value := range p {
		if delete(patched, name); value != nil {
			patched[name] = *value
		}
	}
	return patched
}

// convertList reads a list, or, from the command line, its JSON text.
func convertList(raw any) (list []any, ok bool) {
	text, isText := raw.(string)
	if !isText {
		list, ok = raw.([]any)
		return list, ok
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&list); err != nil || list == nil {
		return nil, false
	}
	_, err := decoder.Token()
	return list, errors.Is(err, io.EOF)
}

// convertMap reads a map of texts: a JSON object, or, from the command line, its JSON text or one or more name=value.
func convertMap(raw any) (map[string]string, bool) {
	switch raw := raw.(type) {
	case map[string]string:
		return raw, true
	case map[string]any:
		return textMap(raw)
	case string:
		if strings.HasPrefix(strings.TrimSpace(raw), "{") {
			context, err := kmsapi.ParseEncryptionContext(raw)
			return context, err == nil
		}
		return pairs([]any{raw})
	case []any:
		return pairs(raw)
	default:
		return nil, false
	}
}

// convertTexts reads a list of texts, or one text with commas. An empty text in it is refused, because who gives one has lost
// a value, and an empty list may mean everything.
func convertTexts(raw any) ([]string, bool) {
	var list []string
	switch raw := raw.(type) {
	case []string:
		list = raw
	case []any:
		for _, item := range raw {
			text, _ := item.(string)
			list = append(list, text)
		}
	case string:
		list = strings.Split(raw, ",")
	}
	return list, len(list) > 0 && !slices.Contains(list, "")
}

func textMap(raw map[string]any) (map[string]string, bool) {
	result := make(map[string]string, len(raw))
	for name, value := range raw {
		text, ok := value.(string)
		if !ok {
			return nil, false
		}
		result[name] = text
	}
	return result, true
}

// pairs reads a list of name=value. The same name twice is refused: which one counts would be a guess.
func pairs(list []any) (map[string]string, bool) {
	result := make(map[string]string, len(list))
	for _, item := range list {
		text, isText := item.(string)
		if isText && text == "" && len(list) == 1 {
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		if _, twice := result[name]; !ok || name == "" || twice {
			return nil, false
		}
		result[name] = value
	}
	return result, true
}
