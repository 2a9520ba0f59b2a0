package kmsapi

import (
	"slices"
	"strings"
)

// SecretFilters are the filters of ListSecrets: like [Filters], but with keys of their own. Values are compared whole.
type SecretFilters Filters

// The keys of filters of secrets, besides FilterByInstance, FilterByCreator, FilterByTagKey and FilterByTagValue.
const (
	FilterBySecretName  = "SecretName"
	FilterByDescription = "Description"
	// FilterBySecretType compares without regard to case: the type Rds is RDS in a filter.
	FilterBySecretType = "SecretType"
)

const secretFiltersForm = `look like [{"Key":"SecretName","Values":["db/password"]}]`

// secretFilterKeys are never changed.
var secretFilterKeys = []string{
	FilterBySecretName, FilterByDescription, FilterByTagKey, FilterByTagValue, FilterByInstance, FilterBySecretType,
	FilterByCreator,
}

func (f *SecretFilters) wire() string { return (*Filters)(f).wire() }

func (f *SecretFilters) parse(text string) error {
	return (*Filters)(f).parseAs(text, secretFiltersForm, secretFilterKeys)
}

// Accept reports whether the filters with that key let one of values through.
func (f SecretFilters) Accept(key string, values ...string) bool {
	wanted := Filters(f).Values(key)
	return len(wanted) == 0 || slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(wanted, func(want string) bool {
			return want == value || key == FilterBySecretType && strings.EqualFold(want, value)
		})
	})
}
