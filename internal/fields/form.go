package fields

import (
	"slices"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
)

// The forms of strings that a schema gives as its EditType, which Vault also shows to user interfaces. A string with
// none of them is an identifier or a secret: white space and control characters at its ends, which come from files, are
// removed, and it is refused if any but spaces are inside.
const (
	// InBase64 is for base64: line breaks are dropped, and blanks at the ends of lines.
	InBase64 = "base64"
	// AsGiven is for text of any number of lines that is kept as it is.
	AsGiven = "textarea"
	// OrNumber is for an identifier that may also be given as a number.
	OrNumber = "number"
)

// clean gives a value the form of its schema. Its error ends a sentence.
func clean(schema *framework.FieldSchema, value any) (any, error) {
	switch given := value.(type) {
	case string:
		s, err := cleanString(schema, given)
		if err != nil || s == given {
			return value, err // A string in a new interface would be an allocation.
		}
		return s, nil
	case []string:
		return cleanStrings(given)
	default:
		return value, nil
	}
}

func cleanString(schema *framework.FieldSchema, s string) (string, error) {
	switch formOf(schema) {
	case AsGiven:
		return s, nil
	case InBase64:
		return input.Unfold(s), nil
	default:
		return input.Word(s)
	}
}

func formOf(schema *framework.FieldSchema) string {
	if schema.DisplayAttrs == nil {
		return ""
	}
	return schema.DisplayAttrs.EditType
}

// cleanStrings returns a new list of identifiers.
func cleanStrings(list []string) ([]string, error) {
	list = slices.Clone(list)
	for i, s := range list {
		word, err := input.Word(s)
		if err != nil {
			return nil, err
		}
		list[i] = word
	}
	return list, nil
}
