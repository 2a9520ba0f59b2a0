package fields

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// typeNames says what a field must be, in the words of its caller.
var typeNames = map[framework.FieldType]string{
	framework.TypeString:           "a string",
	framework.TypeBool:             "true or false",
	framework.TypeInt:              "an integer",
	framework.TypeDurationSecond:   `a duration, like "10s" or a number of seconds`,
	framework.TypeKVPairs:          "a map of strings, as a JSON object or as name=value",
	framework.TypeSlice:            "a list, or the JSON of one",
	framework.TypeTime:             `a time, like "2030-01-01T00:00:00Z" or in seconds since 1970`,
	framework.TypeCommaStringSlice: "a comma-separated list of non-empty strings",
}

func convertFor(op logical.Operation, schema *framework.FieldSchema, raw any) (any, bool) {
	if op == logical.PatchOperation && schema.Type == framework.TypeKVPairs {
		return convertMapPatch(raw)
	}
	return convert(schema, raw)
}

// numberText is a number as a string, and "" for anything else. A plugin gets numbers from Vault as float64.
func numberText(raw any) string {
	switch n := raw.(type) {
	case json.Number:
		return n.String()
	case float64:
		return strconv.FormatFloat(n, 'f', -1, 64)
	default:
		return ""
	}
}

// convert gives raw the type of its schema. It is stricter than the framework, which takes true for the string "1" and
// "" for the number 0.
func convert(schema *framework.FieldSchema, raw any) (any, bool) {
	s, isString := raw.(string)
	_, isBool := raw.(bool)
	switch schema.Type {
	case framework.TypeString:
		if number := numberText(raw); number != "" && formOf(schema) == OrNumber {
			return number, true
		}
		return raw, isString && utf8.ValidString(s)
	case framework.TypeKVPairs:
		return convertMap(raw)
	case framework.TypeCommaStringSlice:
		return convertStrings(raw)
	case framework.TypeSlice:
		return convertList(raw)
	}
	if value, ok := withoutDecoding(schema.Type, raw); ok {
		return value, true
	}
	if isString {
		s = strings.TrimSpace(s)
		raw = s
	}
	switch schema.Type {
	case framework.TypeBool:
		if !isString && !isBool || isString && s == "" {
			return nil, false
		}
	case framework.TypeInt, framework.TypeDurationSecond, framework.TypeTime:
		if isBool || isString && s == "" || !isWhole(raw) {
			return nil, false
		}
	}
	d := framework.FieldData{Raw: map[string]any{"": raw}, Schema: Schemas{"": schema}}
	value, ok, err := d.GetOkErr("")
	if t, isTime := value.(time.Time); isTime {
		value = t.Unix() // The framework reads the field again, and does not take the type that it returns.
	}
	return value, ok && err == nil
}

// withoutDecoding returns a bool or an integer that has its Go type already, or is a float64, which is what a plugin
// gets from Vault. The framework would return the same, more slowly.
func withoutDecoding(t framework.FieldType, raw any) (any, bool) {
	switch value := raw.(type) {
	case bool:
		return raw, t == framework.TypeBool
	case int:
		return raw, t == framework.TypeInt
	case float64:
		return int(value), t == framework.TypeInt && isWhole(raw)
	default:
		return nil, false
	}
}

// maxWhole is the bound below which a float64 can represent every integer.
const maxWhole = 1 << 53

// isWhole reports whether raw, if it is a number as Vault gives it to a plugin, is the integer that the caller wrote.
// The framework would cut off a fraction, and turn a number that no integer can hold into a different one.
func isWhole(raw any) bool {
	n, isFloat := raw.(float64)
	return !isFloat || n == math.Trunc(n) && math.Abs(n) < maxWhole
}

// convertList reads a list, or, from the command line, its JSON. What it returns belongs to the caller, which may drop
// items that it has dealt with.
func convertList(raw any) (list []any, ok bool) {
	s, isString := raw.(string)
	if !isString {
		list, ok = raw.([]any)
		return slices.Clone(list), ok
	}
	decoder := json.NewDecoder(strings.NewReader(s))
	decoder.UseNumber()
	if err := decoder.Decode(&list); err != nil || list == nil {
		return nil, false
	}
	_, err := decoder.Token()
	return list, errors.Is(err, io.EOF)
}

// convertMap reads a map of strings: a JSON object, or, from the command line, its JSON or one or more name=value.
func convertMap(raw any) (map[string]string, bool) {
	switch raw := raw.(type) {
	case map[string]string:
		return raw, true
	case map[string]any:
		return stringMap(raw)
	case string:
		if isJSON(raw) {
			parsed, err := kmsapi.ParseEncryptionContext(raw)
			return parsed, err == nil
		}
		return pairs([]any{raw})
	case []any:
		return pairs(raw)
	default:
		return nil, false
	}
}

// isJSON reports whether a map was written as a JSON object.
func isJSON(raw string) bool { return strings.HasPrefix(strings.TrimSpace(raw), "{") }

// convertStrings reads a list of strings, or one string with commas. An empty string in it is refused, because a caller
// that gives one has lost a value, and an empty list may mean everything.
func convertStrings(raw any) ([]string, bool) {
	var list []string
	switch raw := raw.(type) {
	case []string:
		list = raw
	case []any:
		for _, item := range raw {
			s, _ := item.(string)
			list = append(list, s)
		}
	case string:
		list = strings.Split(raw, ",")
	}
	return list, len(list) > 0 && !slices.Contains(list, "")
}

func stringMap(raw map[string]any) (map[string]string, bool) {
	result := make(map[string]string, len(raw))
	for name, value := range raw {
		s, ok := value.(string)
		if !ok {
			return nil, false
		}
		result[name] = s
	}
	return result, true
}

// pairs reads a list of name=value. A name that occurs twice is refused: which value counts would be a guess.
func pairs(list []any) (map[string]string, bool) {
	result := make(map[string]string, len(list))
	for _, item := range list {
		s, isString := item.(string)
		s = strings.TrimRight(strings.TrimPrefix(s, "\ufeff"), "\r\n") // Files begin and end like that.
		if isString && s == "" && len(list) == 1 {
			continue
		}
		name, value, ok := strings.Cut(s, "=")
		if _, twice := result[name]; !ok || name == "" || twice {
			return nil, false
		}
		result[name] = value
	}
	return result, true
}

// Base64 decodes the value of a field in standard base64, which [Check] has unfolded.
func Base64(field, value string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		const example = ", for example from: echo -n hello | base64"
		return nil, refusal.BadRequest("the field %q must be standard base64%s", field,
			cmp.Or(FileHint(field, value), example))
	}
	return data, nil
}

// FileHint returns the rest of a sentence about the invalid value of a field, if that is surely the name of a file that
// holds the value, and "" otherwise. It must not be called with secrets of callers, since it shows the value.
func FileHint(field, value string) string {
	if !input.IsFileName(value) {
		return ""
	}
	return fmt.Sprintf("; did you mean the content of the file, %s=@%s?", field, value)
}
